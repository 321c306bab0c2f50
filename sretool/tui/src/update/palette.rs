//! The `:` palette: commands by name.

use super::{keys, notify, schedule};
use crate::keymap::BINDINGS;
use crate::message::Cmd;
use crate::state::State;
use crate::theme::ThemeName;
use crate::{Filter, clock, model};

/// Commands that take an argument, and what the argument is.
const WITH_ARGUMENT: [(&str, &str); 4] =
    [("service", "NAME"), ("range", "15m"), ("theme", "dark|light|mono"), ("filter", "REGEX")];

/// Commands that begin with what was typed, with their meaning.
pub(crate) fn suggestions(state: &State, typed: &str) -> Vec<(String, &'static str)> {
    let services = model::overview::names(state);
    let known = BINDINGS.iter().filter(|b| !b.command.is_empty()).map(|b| (b.command.to_owned(), b.help));
    let with_argument = WITH_ARGUMENT.map(|(name, argument)| (format!("{name} {argument}"), "with an argument"));
    let named = services.into_iter().map(|name| (format!("service {name}"), "this service"));
    let all = known.chain(with_argument).chain(named);
    all.filter(|(command, _)| command.starts_with(typed.trim_start())).collect()
}

/// Carries out what was typed; an unambiguous beginning is enough.
pub(super) fn run(state: &mut State, typed: &str) -> Vec<Cmd> {
    let typed = typed.trim();
    let (name, argument) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
    if !argument.is_empty() {
        with_argument(state, name, argument.trim());
        return Vec::new();
    }
    let exact = BINDINGS.iter().find(|b| b.command == name && !name.is_empty());
    let mut beginning = BINDINGS.iter().filter(|b| b.command.starts_with(name) && !b.command.is_empty());
    let action = match (exact, beginning.next(), beginning.next()) {
        (Some(binding), _, _) | (None, Some(binding), None) => binding.action,
        (None, Some(_), Some(_)) => {
            notify(state, format!("`{name}` is the beginning of several commands"));
            return Vec::new();
        }
        (None, None, _) => {
            notify(state, format!("no command `{name}`; ? lists the keys"));
            return Vec::new();
        }
    };
    keys::act(state, action)
}

fn with_argument(state: &mut State, name: &str, argument: &str) {
    match name {
        "service" => {
            let found = model::overview::names(state).into_iter().find(|service| service == argument);
            match found {
                Some(service) => keys::open_service(state, service),
                None => notify(state, format!("no service `{argument}`")),
            }
        }
        "range" => match clock::parse_range(argument) {
            Some(ms) => {
                state.range_ms = ms.clamp(60_000, 31_536_000_000);
                schedule::supersede_charts(state);
            }
            None => notify(state, format!("`{argument}` is no time range; write 15m, 6h or 7d")),
        },
        "theme" => match ThemeName::from_name(argument) {
            Some(theme) => state.theme_name = theme,
            None => notify(state, format!("no theme `{argument}`: dark, light or mono")),
        },
        "filter" => match Filter::parse(argument) {
            Ok(filter) => state.filters[state.screen as usize] = filter,
            Err(cause) => notify(state, format!("filter: {cause}")),
        },
        _ => notify(state, format!("no command `{name}` with an argument")),
    }
}
