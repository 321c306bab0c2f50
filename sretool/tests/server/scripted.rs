//! A target that follows a script, and plays it to every scraper from the beginning.
//!
//! What it answers depends on how often this scraper has asked for this path, not on the clock: two servers that scrape
//! at different moments see the same sequence, so that their series can be compared scrape by scrape.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// The text format.
    Text(&'static str),
    /// OpenMetrics; `# EOF` is added.
    OpenMetrics(&'static str),
    /// The text format, compressed.
    Gzip(&'static str),
    /// The text format with `NOW+SECONDS` replaced by that time in milliseconds.
    Timed(&'static str),
    /// A status other than 200.
    Status(u16),
    /// The connection ends without an answer.
    Hangup,
    /// The connection ends in the middle of the body.
    Torn(&'static str),
    /// Bytes that are no HTTP.
    Garbage,
    /// No answer until the scraper has given up.
    Silence,
    /// So many series.
    Many(usize),
}

type Asked = Arc<Mutex<HashMap<(String, String), usize>>>;

/// A running target.
pub(crate) struct Scripted {
    pub address: String,
    asked: Asked,
    serving: tokio::task::AbortHandle,
}

impl Scripted {
    /// Serves scripts by path; after its end a script starts again.
    pub(crate) async fn start(scripts: &'static [(&'static str, &'static [Step])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Asked::default();
        let count = asked.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, scripts, count.clone()));
            }
        });
        Self { address, asked, serving: serving.abort_handle() }
    }

    /// Nothing listens there any more.
    pub(crate) fn die(&self) {
        self.serving.abort();
    }

    /// How often a scraper, known by the begin of its name, has asked for a path.
    pub(crate) fn asked(&self, scraper: &str, path: &str) -> usize {
        self.asked.lock().unwrap().get(&(scraper.to_owned(), path.to_owned())).copied().unwrap_or(0)
    }
}

async fn answer(mut stream: TcpStream, scripts: &[(&str, &[Step])], asked: Asked) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !request.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let header = |name: &str| {
        let line = request.lines().find(|line| line.to_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let scraper = header("user-agent").split('/').next().unwrap_or_default().to_lowercase();
    assert!(header("accept").contains("openmetrics-text;version=1.0.0"), "{request}");
    assert!(header("accept-encoding").contains("gzip"), "{request}");
    let Some((_, script)) = scripts.iter().find(|(known, _)| *known == path) else { return };
    let step = {
        let mut asked = asked.lock().unwrap();
        let count = asked.entry((scraper, path)).or_insert(0);
        *count += 1;
        script[(*count - 1) % script.len()]
    };
    play(&mut stream, step).await;
}

/// A scraper that has gone away is no matter here.
async fn play(stream: &mut TcpStream, step: Step) {
    let bytes = match step {
        Step::Text(body) => http(200, "text/plain; version=0.0.4", "", body.as_bytes()),
        Step::Timed(body) => http(200, "text/plain; version=0.0.4", "", timed(body).as_bytes()),
        Step::OpenMetrics(body) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            http(200, kind, "", format!("{body}# EOF\n").as_bytes())
        }
        Step::Gzip(body) => {
            http(200, "text/plain; version=0.0.4", "Content-Encoding: gzip\r\n", &gzip(body.as_bytes()))
        }
        Step::Status(status) => http(status, "text/plain", "", b"no\n"),
        Step::Hangup => return,
        Step::Torn(body) => {
            let mut bytes = http(200, "text/plain", "", body.repeat(2).as_bytes());
            bytes.truncate(bytes.len() - body.len());
            bytes
        }
        Step::Garbage => b"\x00\x01garbage\r\n\r\n".to_vec(),
        Step::Silence => {
            let mut rest = [0; 64];
            while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
            return;
        }
        Step::Many(count) => {
            let body: String = (0..count).map(|i| format!("many{{i=\"{i}\"}} {i}\n")).collect();
            http(200, "text/plain", "", body.as_bytes())
        }
    };
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
}

fn http(status: u16, kind: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn timed(body: &str) -> String {
    let now = chrono::Utc::now().timestamp_millis();
    let mut out = String::new();
    for part in body.split_inclusive('\n') {
        match part.trim_end().split_once("NOW") {
            Some((before, offset)) => {
                let seconds: i64 = offset.parse().unwrap();
                out.push_str(&format!("{before}{}\n", now + seconds * 1000));
            }
            None => out.push_str(part),
        }
    }
    out
}

/// A gzip member of stored blocks, which need no compressor.
fn gzip(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(body);
    let mut crc = u32::MAX;
    for byte in body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    out.extend_from_slice(&(!crc).to_le_bytes());
    out.extend_from_slice(&u32::from(length).to_le_bytes());
    out
}
