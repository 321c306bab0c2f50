//! The reference services as `up` runs them: names, ports, environment.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::str::FromStr;

/// A reference service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Service {
    /// Users, authentication, roles.
    User,
    /// Orders, payments, inventory.
    Order,
    /// E-mail, SMS, push.
    Notification,
}

impl Service {
    /// All of them, in the order in which they start.
    pub const ALL: [Self; 3] = [Self::User, Self::Order, Self::Notification];

    /// The service's name, also its `job` and `service` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user-service",
            Self::Order => "order-service",
            Self::Notification => "notification-service",
        }
    }

    /// The hidden subcommand's argument.
    pub fn argument(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Order => "order",
            Self::Notification => "notification",
        }
    }

    /// The `up` flag that moves the service's ports.
    pub fn flag(self) -> &'static str {
        match self {
            Self::User => "--user-ports",
            Self::Order => "--order-ports",
            Self::Notification => "--notification-ports",
        }
    }
}

/// Where a service listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// HTTP API.
    pub api: u16,
    /// Metrics, health and faults.
    pub admin: u16,
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let remedy = || format!("`{text}` is not API,ADMIN: write two port numbers, such as 3001,9001");
        let (api, admin) = text.split_once(',').ok_or_else(remedy)?;
        let port = |p: &str| p.trim().parse().ok().filter(|p| *p != 0).ok_or_else(remedy);
        let ports = Self { api: port(api)?, admin: port(admin)? };
        if ports.api == ports.admin { Err("the API and the admin port must differ".into()) } else { Ok(ports) }
    }
}

/// What all services of one `up` share.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Ports by service.
    pub ports: BTreeMap<Service, Ports>,
    /// The seeded administrator.
    pub admin_email: String,
    /// Its password.
    pub admin_password: String,
    /// Authenticates one service to another.
    pub service_token: String,
}

impl Platform {
    /// Base URL of a service's API.
    pub fn api_url(&self, service: Service) -> String {
        format!("http://127.0.0.1:{}", self.ports[&service].api)
    }

    /// Host and admin port of a service.
    pub fn admin_address(&self, service: Service) -> String {
        format!("127.0.0.1:{}", self.ports[&service].admin)
    }

    /// The environment of a service's process, beside what it inherits.
    pub fn environment(&self, service: Service, data: &Path) -> Vec<(&'static str, String)> {
        let ports = self.ports[&service];
        let database = data.join(format!("{}.db", service.name()));
        let mut environment = vec![
            ("HOST", "127.0.0.1".to_owned()),
            ("PORT", ports.api.to_string()),
            ("ADMIN_PORT", ports.admin.to_string()),
            ("DATABASE_URL", format!("sqlite:{}", database.display())),
            ("USER_SERVICE_URL", self.api_url(Service::User)),
            ("NOTIFICATION_SERVICE_URL", self.api_url(Service::Notification)),
            ("SERVICE_TOKEN", self.service_token.clone()),
            // The child drains and leaves when its standard input closes, which the kernel sees to even after kill -9.
            ("EXIT_ON_STDIN_EOF", "1".to_owned()),
        ];
        if service == Service::User {
            environment.push(("ADMIN_EMAIL", self.admin_email.clone()));
            environment.push(("ADMIN_PASSWORD", self.admin_password.clone()));
        }
        environment
    }

    /// Checks that every port is free before anything starts.
    ///
    /// # Errors
    /// One sentence that names the port and its flag.
    pub fn check_ports(&self) -> Result<(), String> {
        for (service, ports) in &self.ports {
            for (port, role) in [(ports.api, "API"), (ports.admin, "admin")] {
                bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)).map_err(|cause| {
                    let (name, flag) = (service.name(), service.flag());
                    format!(
                        "port {port} ({name}, {role}) cannot be used: {cause}; free it, or choose others with {flag}"
                    )
                })?;
            }
        }
        Ok(())
    }
}

/// Binds a listener, with the operating system's reason in plain words.
///
/// # Errors
/// The reason.
pub fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => "it is in use".to_owned(),
        _ => error.to_string(),
    })
}

/// A secret of 128 random bits, in hexadecimal.
pub fn random_secret() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(user: Ports) -> Platform {
        let other = |api| Ports { api, admin: api + 1 };
        let ports = [(Service::User, user), (Service::Order, other(1)), (Service::Notification, other(3))];
        let secret = random_secret;
        Platform { ports: ports.into(), admin_email: "a@b".into(), admin_password: secret(), service_token: secret() }
    }

    #[test]
    fn ports_parse_or_say_how() {
        assert_eq!("3001,9001".parse(), Ok(Ports { api: 3001, admin: 9001 }));
        for wrong in ["3001", "3001,x", "0,1", "70000,1", ""] {
            assert!(wrong.parse::<Ports>().unwrap_err().contains("3001,9001"), "{wrong}");
        }
        assert!("5,5".parse::<Ports>().unwrap_err().contains("differ"));
    }

    #[test]
    fn a_port_in_use_names_itself_and_its_flag() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = taken.local_addr().unwrap().port();
        let error = platform(Ports { api, admin: 1 }).check_ports().unwrap_err();
        assert!(error.contains(&api.to_string()) && error.contains("--user-ports"), "{error}");
        assert!(error.contains("in use"), "{error}");
    }

    #[test]
    fn only_the_user_service_learns_the_administrators_password() {
        let platform = platform(Ports { api: 5, admin: 6 });
        let knows = |service| {
            platform.environment(service, Path::new("d")).iter().any(|(_, value)| *value == platform.admin_password)
        };
        assert!(knows(Service::User) && !knows(Service::Order) && !knows(Service::Notification));
    }

    #[test]
    fn secrets_differ() {
        assert_ne!(random_secret(), random_secret());
        assert_eq!(random_secret().len(), 32);
    }
}
