//! TLS and HTTP/2.

use super::*;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Mutex;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a server saw: connections, and the protocol of each request.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicU64,
    versions: Mutex<Vec<String>>,
}

/// A server for `localhost` with a certificate of its own, which is returned in PEM; without TLS where `alpn` is none.
fn server(alpn: Option<&[&str]>) -> (SocketAddr, Arc<Seen>, String) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let acceptor = alpn.map(|alpn| {
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config =
            builder.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let log = seen.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { accept(TcpListener::from_std(listener).unwrap(), acceptor, log).await });
    });
    (address, seen, certified.cert.pem())
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, seen: Arc<Seen>) {
    while let Ok((stream, _)) = listener.accept().await {
        seen.connections.fetch_add(1, Ordering::Relaxed);
        let (acceptor, seen) = (acceptor.clone(), seen.clone());
        tokio::spawn(async move {
            let answer = service_fn(move |request: hyper::Request<Incoming>| {
                seen.versions.lock().unwrap().push(format!("{:?}", request.version()));
                async { Ok::<_, hyper::Error>(hyper::Response::new(String::from("ok"))) }
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            match acceptor {
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
                    }
                }
                None => drop(builder.serve_connection(TokioIo::new(stream), answer).await),
            }
        });
    }
}

fn secure(address: SocketAddr, trust: &Trust, protocol: Protocol) -> Config {
    let targets = Targets::url(&format!("https://localhost:{}/", address.port())).unwrap();
    let tls = Some(tls(trust, protocol).unwrap());
    Config { connections: 50, protocol, tls, ..Config::new(targets) }
}

fn versions(seen: &Seen) -> Vec<String> {
    let mut versions = seen.versions.lock().unwrap().clone();
    versions.dedup();
    versions
}

#[test]
fn over_tls_the_server_chooses_the_protocol() {
    for (offered, spoken) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1")] {
        let (address, seen, _) = server(Some(offered));
        let totals = run(secure(address, &Trust::Anyone, Protocol::Auto), &open(100.0, 0.5));
        assert_eq!(totals.whole.counts().finished, 50, "{:?}", totals.whole.causes);
        assert_eq!(versions(&seen), [spoken]);
    }
}

#[test]
fn many_requests_share_one_connection_of_http_2() {
    let (address, seen, _) = server(None);
    let targets = Targets::url(&format!("http://{address}/")).unwrap();
    let config = Config { connections: 50, protocol: Protocol::Http2, ..Config::new(targets) };
    let totals = run(config, &open(200.0, 0.5));
    assert_eq!(totals.whole.counts().finished, 100, "{:?}", totals.whole.causes);
    assert_eq!((versions(&seen), seen.connections.load(Ordering::Relaxed)), (vec!["HTTP/2.0".to_owned()], 1));
}

#[test]
fn a_certificate_must_be_trusted_unless_it_need_not() {
    let (address, _, pem) = server(Some(&["http/1.1"]));
    let file = std::env::temp_dir().join(format!("ca-{}.pem", address.port()));
    std::fs::write(&file, pem).unwrap();
    let totals = run(secure(address, &Trust::Only(file.clone()), Protocol::Http1), &open(20.0, 0.5));
    assert_eq!(totals.whole.counts().finished, 10, "{:?}", totals.whole.causes);
    std::fs::remove_file(file).unwrap();
    let totals = run(secure(address, &Trust::System, Protocol::Http1), &open(20.0, 0.5));
    assert_eq!(totals.whole.counts().failed, 10);
    let cause = totals.whole.causes.keys().next().unwrap();
    assert!(cause.starts_with("TLS: invalid peer certificate"), "{cause}");
}

#[test]
fn a_server_without_http_2_is_named_where_it_is_asked_for() {
    let (address, _, _) = server(Some(&["http/1.1"]));
    let totals = run(secure(address, &Trust::Anyone, Protocol::Http2), &open(20.0, 0.5));
    assert_eq!(totals.whole.counts().failed, 10);
    let cause = totals.whole.causes.keys().next().unwrap();
    assert!(cause.contains("TLS"), "{cause}");
}
