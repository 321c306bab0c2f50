//! Servers that behave badly: every request has an end of its own kind, and the run ends on time.

use super::*;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// Gives each connection to `behave`, on a thread of its own.
fn rude(behave: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || behave(stream));
        }
    });
    address
}

/// Waits for a whole request.
fn read_request(stream: &mut TcpStream) {
    let (mut seen, mut buffer) = (Vec::new(), [0; 1024]);
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => seen.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Twenty requests, given up after 300 ms, with 200 ms of drain.
fn against(address: SocketAddr) -> (Totals, Duration) {
    let config = Config {
        connections: 100,
        timeout: Duration::from_millis(300),
        drain: Duration::from_millis(200),
        ..Config::new(Targets::url(&format!("http://{address}/")).unwrap())
    };
    let begun = Instant::now();
    let totals = run(config, &open(40.0, 0.5));
    let took = begun.elapsed();
    let counts = totals.whole.counts();
    assert_eq!((totals.whole.scheduled, counts.total()), (20, 20), "{counts:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    (totals, took)
}

#[test]
fn a_server_that_never_accepts_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (totals, _) = against(listener.local_addr().unwrap());
    let counts = totals.whole.counts();
    assert_eq!(counts.timed_out + counts.censored, 20, "{counts:?}");
}

#[test]
fn a_server_that_accepts_and_hangs_is_given_up() {
    let (totals, _) = against(rude(|stream| {
        std::thread::sleep(Duration::from_secs(30));
        drop(stream);
    }));
    let counts = totals.whole.counts();
    assert_eq!((counts.timed_out + counts.censored, counts.finished), (20, 0), "{counts:?}");
    assert!(counts.timed_out > 0 && totals.whole.causes["timeout"] == counts.timed_out);
}

#[test]
fn a_server_that_closes_without_an_answer_fails_each_request() {
    let (totals, _) = against(rude(|mut stream| read_request(&mut stream)));
    assert_eq!(totals.whole.counts().failed, 20);
    let cause = totals.whole.causes.keys().next().unwrap();
    assert!(cause.contains("closed before") || cause.contains("reset"), "{cause}");
}

#[test]
fn a_server_that_resets_fails_each_request() {
    // Closing while the request lies unread in the buffer makes the kernel send a reset.
    let (totals, _) = against(rude(|stream| {
        let _ = stream.peek(&mut [0; 1]);
    }));
    assert_eq!(totals.whole.counts().failed, 20, "{:?}", totals.whole.causes);
}

#[test]
fn half_an_answer_is_no_answer() {
    let (totals, _) = against(rude(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    }));
    assert_eq!(totals.whole.counts().failed, 20, "{:?}", totals.whole.causes);
    assert_eq!(totals.whole.overall().response.count(), 0, "a broken answer has no response time");
}

#[test]
fn a_slow_body_counts_to_its_last_byte() {
    let (totals, _) = against(rude(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nab");
        std::thread::sleep(Duration::from_millis(100));
        let _ = stream.write_all(b"cd");
    }));
    let overall = totals.whole.overall();
    assert!(overall.counts.finished > 0, "{:?}", totals.whole.causes);
    assert!(overall.response.min().unwrap() > 0.09, "{:?}", overall.response.min());
}

#[test]
fn a_body_that_never_ends_is_given_up() {
    let (totals, _) = against(rude(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while stream.write_all(b"1\r\nx\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }));
    let counts = totals.whole.counts();
    assert_eq!((counts.finished, counts.timed_out + counts.censored), (0, 20), "{counts:?}");
}

#[test]
fn what_is_no_http_fails_with_a_reason() {
    let (totals, _) = against(rude(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"220 mail ready\r\n\r\n");
    }));
    assert_eq!(totals.whole.counts().failed, 20);
    assert!(!totals.whole.causes.is_empty());
}
