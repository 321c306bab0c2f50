//! Users of user-service and of their preferences.

use super::{Go, Journey, Scene};
use crate::account::Tokens;
use crate::step::{Answer, Step};
use serde_json::json;
use std::time::Instant;

/// Reads account and preferences; one in four changes the preferences, one in eight the name.
#[derive(Debug, Default)]
pub(super) struct Settings {
    seen: u32,
}

impl Journey for Settings {
    fn step(&mut self, scene: &mut Scene<'_>) -> Step {
        let (users, notifications) = (&scene.services.users, &scene.services.notifications);
        let step = match self.seen {
            0 => Step::new("GET /v1/users/me", users, "/v1/users/me"),
            1 => Step::new("GET /v1/preferences", notifications, "/v1/preferences"),
            2 => {
                let wants = json!({"email": true, "sms": scene.random.below(2) == 0, "push": true});
                Step::new("PUT /v1/preferences", notifications, "/v1/preferences").json(wants)
            }
            _ => {
                let name = scene.world.data.people.next().get("name");
                let path = format!("/v1/users/{}", scene.account.id);
                Step::new("PATCH /v1/users/{id}", users, &path).json(json!({"name": name})).expecting(&[200, 412])
            }
        };
        step.by(scene.account)
    }

    fn learn(&mut self, _: &Answer, scene: &mut Scene<'_>) -> Go {
        self.seen += 1;
        let on = match self.seen {
            1 => true,
            2 => scene.once_in(4),
            3 => scene.once_in(2),
            _ => false,
        };
        if on { Go::On } else { Go::Over }
    }
}

/// Registers a person under a new address, and once more under the same: the second must be refused.
#[derive(Debug, Default)]
pub(super) struct Register {
    registered: Option<(String, String)>,
}

impl Journey for Register {
    fn step(&mut self, scene: &mut Scene<'_>) -> Step {
        let again = self.registered.is_some();
        let (email, name) = self.registered.get_or_insert_with(|| {
            let name = scene.world.data.people.next().get("name");
            (format!("load-{}@example.com", uuid::Uuid::now_v7().simple()), name.to_owned())
        });
        let body = json!({"email": email, "password": uuid::Uuid::new_v4().to_string(), "name": name});
        let step = Step::new("POST /v1/users", &scene.services.users, "/v1/users").json(body);
        step.expecting(if again { &[409] } else { &[201] })
    }

    fn learn(&mut self, answer: &Answer, _: &mut Scene<'_>) -> Go {
        // Whose first attempt failed has no address that is taken.
        if answer.status == 201 { Go::On } else { Go::Over }
    }
}

/// Log in → read the own account → refresh → log out: a session apart from the one that the run was set up with.
#[derive(Debug, Default)]
pub(super) struct LogIn {
    tokens: Option<Tokens>,
    seen: u32,
}

impl Journey for LogIn {
    fn step(&mut self, scene: &mut Scene<'_>) -> Step {
        let base = &scene.services.users;
        let Some(tokens) = &self.tokens else {
            let credentials = json!({"email": scene.account.email, "password": scene.account.password});
            return Step::new("POST /v1/sessions", base, "/v1/sessions").json(credentials);
        };
        match self.seen {
            1 => Step::new("GET /v1/users/me", base, "/v1/users/me").token(tokens.access.clone()),
            2 => Step::new("POST /v1/sessions/refresh", base, "/v1/sessions/refresh")
                .json(json!({"refresh_token": tokens.refresh})),
            _ => Step::new("DELETE /v1/sessions/current", base, "/v1/sessions/current")
                .token(tokens.access.clone())
                .expecting(&[204]),
        }
    }

    fn learn(&mut self, answer: &Answer, _: &mut Scene<'_>) -> Go {
        self.seen += 1;
        if matches!(self.seen, 1 | 3) {
            self.tokens = Tokens::read(&answer.json(), Instant::now()).filter(|_| answer.status == 200);
        }
        if self.tokens.is_some() && self.seen < 4 { Go::On } else { Go::Over }
    }
}
