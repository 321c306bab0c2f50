//! The Goose executor's process, seen from the parent.

use super::session::Event;
use loadtests::{Job, Message};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;

/// A running child; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    input: Option<ChildStdin>,
}

impl Worker {
    /// Starts this program once more, as the load generator of `job`, and passes on what it says.
    pub(super) fn start(job: &Job, events: Sender<Event>) -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("load-worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Of its own group, so that Ctrl-C reaches it through us, after it has handed over its last numbers.
            .process_group(0)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut worker = Self { child, input };
        if let Some(input) = &mut worker.input {
            writeln!(input, "{}", serde_json::to_string(job)?)?;
            input.flush()?;
        }
        if let Some(output) = output {
            std::thread::Builder::new().name("load-worker".into()).spawn(move || {
                relay(BufReader::new(output), &events);
            })?;
        }
        Ok(worker)
    }

    /// Asks for the last numbers and the end.
    pub(super) fn stop(&mut self) {
        self.input = None;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has said all it had to say, or took too long to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes messages on until the output ends. Lines that are no message are Goose's, and nobody's concern.
fn relay(output: impl BufRead, events: &Sender<Event>) {
    for line in output.lines().map_while(Result::ok) {
        let event = match serde_json::from_str(&line) {
            Ok(Message::SettingUp { accounts }) => Event::Note(format!("setting up {accounts} accounts")),
            Ok(Message::Started) => Event::Started,
            Ok(Message::Failed { reason }) => Event::Failed(reason),
            Ok(Message::Update(update)) => Event::Update(update),
            Err(_) => continue,
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn messages_are_passed_on_and_chatter_is_not() {
        let lines = "{\"event\":\"setting_up\",\"data\":{\"accounts\":3}}\n23:00 [WARN] chatter\n{\"event\":\"started\"}\n\
                     {\"event\":\"failed\",\"data\":{\"reason\":\"no route\"}}\n";
        let (sender, events) = channel();
        relay(lines.as_bytes(), &sender);
        drop(sender);
        let events: Vec<_> = events.iter().collect();
        let expected = [Event::Note("setting up 3 accounts".into()), Event::Started, Event::Failed("no route".into())];
        assert_eq!(events, expected);
    }
}
