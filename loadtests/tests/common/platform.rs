//! The three real services in this process, on free ports, with databases in memory.

use loadtests::{Credentials, Services};
use service_common::server::{Drain, Listeners, serve as serve_until};
use service_common::{Context, Reader, Service, Spec};
use std::time::Duration;
use tokio::net::TcpListener;

pub const ADMIN: (&str, &str) = ("admin@example.com", "an administrator's password");

/// A bound API socket and its URL.
async fn bind() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn context(spec: &Spec, users: &str) -> Context {
    let mut cx = Context::for_test(spec);
    cx.settings.user_service_url = users.to_owned();
    cx
}

async fn serve(service: Service, api: TcpListener) {
    let admin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let drain = Drain { delay: Duration::ZERO, deadline: Duration::from_secs(1) };
    tokio::spawn(serve_until(Listeners { api, admin }, service, drain, std::future::pending()));
}

/// Starts them on a runtime of their own, which ends with the test.
pub fn start() -> (Services, Credentials) {
    let (ready, started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let [(u, users), (o, orders), (n, notifications)] = [bind().await, bind().await, bind().await];
            let mut config = user_service::Config::for_test();
            config.admin = Some((ADMIN.0.to_owned(), ADMIN.1.to_owned().into()));
            serve(user_service::build(context(&user_service::SPEC, &users), config).await.unwrap(), u).await;
            let none: [(&str, &str); 0] = [];
            let config = notification_service::config::Config::read(&mut Reader::new(&none));
            let cx = context(&notification_service::SPEC, &users);
            serve(notification_service::build(cx, config).await.unwrap(), n).await;
            let env = [("NOTIFICATION_SERVICE_URL", notifications.as_str()), ("SIMULATED_PAYMENT_LATENCY_MS", "5")];
            let config = order_service::config::Config::read(&mut Reader::new(&env));
            serve(order_service::build(context(&order_service::SPEC, &users), config).await.unwrap(), o).await;
            ready.send(Services { users, orders, notifications }).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let services = started.recv_timeout(Duration::from_secs(60)).expect("the services start");
    (services, Credentials { email: ADMIN.0.to_owned(), password: ADMIN.1.to_owned() })
}
