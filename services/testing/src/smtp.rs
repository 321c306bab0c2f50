//! A mail server that keeps what it gets.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// An e-mail as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom, by the envelope.
    pub to: String,
    /// `Message-ID`.
    pub id: String,
    /// Headers and text.
    pub text: String,
}

/// A mail server on a port of its own.
#[derive(Debug, Clone)]
pub struct SmtpSink {
    /// Its URL.
    pub url: String,
    mails: Arc<Mutex<Vec<Mail>>>,
    /// What it answers to a recipient.
    answer: Arc<Mutex<&'static str>>,
}

const TAKEN: &str = "250 ok";

impl SmtpSink {
    /// Starts to listen; ends with the runtime.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let sink = Self { url, mails: Arc::default(), answer: Arc::new(Mutex::new(TAKEN)) };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.session(stream).await });
            }
        });
        sink
    }

    /// What it has received.
    ///
    /// # Panics
    /// When a session panicked.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    /// Answers every recipient like this from now on, such as `550 no such mailbox`; `None` takes them.
    ///
    /// # Panics
    /// When a session panicked.
    pub fn answer(&self, answer: Option<&'static str>) {
        *self.answer.lock().unwrap() = answer.unwrap_or(TAKEN);
    }

    async fn session(&self, stream: TcpStream) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut to = String::new();
        write.write_all(b"220 sink\r\n").await.ok()?;
        while let Some(line) = lines.next_line().await.ok()? {
            let verb = line.split([' ', ':']).next()?.to_ascii_uppercase();
            let answer = match verb.as_str() {
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1)?.to_owned();
                    *self.answer.lock().unwrap()
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok()?;
                    let mut text = String::new();
                    while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                        text.push_str(&line);
                        text.push('\n');
                    }
                    let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: "));
                    let id = id.unwrap_or_default().trim_matches(['<', '>']).to_owned();
                    self.mails.lock().unwrap().push(Mail { to: to.clone(), id, text });
                    TAKEN
                }
                "QUIT" => "221 bye",
                _ => TAKEN,
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
        Some(())
    }
}
