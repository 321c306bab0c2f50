//! `sretool serve` and `sretool alerts check` as programs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

fn sretool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sretool"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `sretool serve` as a program, which ends with the test.
pub(crate) struct Program {
    pub child: Child,
    pub url: String,
}

impl Program {
    /// Starts a server on a free port and reads its `ready` line.
    pub(crate) fn serve(arguments: &[&str]) -> Self {
        let mut command = sretool(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("ready ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, url }
    }
}

impl Program {
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn it_answers_and_ends_on_either_signal() {
    for name in ["INT", "TERM"] {
        let mut program = Program::serve(&[]);
        let body =
            reqwest::get(format!("{}/api/v1/status/buildinfo", program.url)).await.unwrap().text().await.unwrap();
        assert!(body.contains("\"application\":\"sretool\""), "{body}");
        signal(&program.child, name);
        assert_eq!(program.child.wait().unwrap().code(), Some(0), "SIG{name}");
    }
}

#[test]
fn a_taken_port_and_wrong_input_exit_2() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("r.yaml");
    std::fs::write(&rules, "groups:\n- name: g\n  rules:\n  - record: r\n    expr: sum(\n").unwrap();
    let rules = rules.display().to_string();
    for (arguments, part) in [
        (vec!["serve", "--listen", &address], "--listen: cannot listen on"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--rules", &rules], "r.yaml:5:15: `expr` is not valid PromQL"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--data", &rules], "--data"),
        (vec!["alerts", "check", &rules], "r.yaml:5:15: `expr` is not valid PromQL"),
        (vec!["alerts", "check"], "FILE"),
    ] {
        let Output { status, stdout, stderr } = sretool(&arguments).output().unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?}: {}", text(&stderr));
        assert!(text(&stderr).contains(part), "{arguments:?}: {}", text(&stderr));
        assert!(stdout.is_empty(), "{arguments:?}");
    }
}
