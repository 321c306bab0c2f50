//! Beside a real Alertmanager and amtool: the same receivers for many label sets, and the same inhibition.
#![expect(clippy::unwrap_used, reason = "a test fails where a step of it fails")]

use alerts::route::parse;
use promql::Labels;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CONFIG: &str = r#"
receivers: [{name: default}, {name: pager}, {name: db}, {name: audit}, {name: team-a}, {name: staging}, {name: odd}]
route:
  receiver: default
  group_by: [alertname]
  group_wait: 1h
  routes:
  - receiver: audit
    matchers: ['severity=~"page|ticket"', 'env!="staging"']
    continue: true
  - receiver: staging
    matchers: [env = staging]
  - receiver: pager
    match: {severity: page}
    routes:
    - {receiver: db, matchers: ['service=~"d.*"'], continue: true}
    - {receiver: team-a, match_re: {team: "a|b"}}
  - receiver: odd
    matchers: ['{team="", service!~"a|b"}', 'note="x\"y, z"']
  - receiver: team-a
    matchers: [team = a]
inhibit_rules:
- source_matchers: [severity = page]
  target_matchers: ['severity=~"page|ticket"']
  equal: [service, team]
- source_match: {alertname: Down}
  target_match_re: {alertname: "Slow|Errors"}
  equal: [service]
"#;

/// Numbers that look random and are the same at every run (Knuth's linear congruential generator).
struct Dice(u64);

impl Dice {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from[usize::try_from(self.0 >> 33).unwrap() % from.len()]
    }
}

fn label_sets(count: usize) -> Vec<Labels> {
    let mut dice = Dice(11);
    let set = |i: usize| {
        let mut labels = BTreeMap::from([("id", i.to_string())]);
        let mut put = |name, from: &[&str]| {
            let value = dice.pick(from);
            if !value.is_empty() {
                labels.insert(name, value.to_owned());
            }
        };
        put("alertname", &["Down", "Slow", "Errors", "Other"]);
        put("severity", &["page", "ticket", "", "info"]);
        put("env", &["staging", "production", ""]);
        put("service", &["a", "b", "db", "disk", ""]);
        put("team", &["a", "b", "c", ""]);
        put("note", &["x\"y, z", ""]);
        labels.into_iter().collect()
    };
    (0..count).map(set).collect()
}

struct Alertmanager {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Alertmanager {
    /// Starts one, where it is installed.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("am.yml"), CONFIG).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", folder.path().join("am.yml").display()))
            .arg(format!("--storage.path={}", folder.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let started = Self { child, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(60);
        while started.request("GET", "/-/ready", "").is_none_or(|(status, _)| status != 200) {
            assert!(Instant::now() < deadline, "Alertmanager does not become ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(started)
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some((status, body.to_owned()))
    }

    /// Alerts as the API shows them, by their `id` label: receivers, and whether they are inhibited.
    fn alerts(&self) -> BTreeMap<String, (Vec<String>, bool)> {
        let (_, body) = self.request("GET", "/api/v2/alerts", "").unwrap();
        let alerts: Vec<serde_json::Value> = serde_json::from_str(&body).unwrap();
        let one = |alert: &serde_json::Value| {
            let names = alert["receivers"].as_array().unwrap().iter();
            let receivers = names.map(|r| r["name"].as_str().unwrap().to_owned()).collect();
            let inhibited = !alert["status"]["inhibitedBy"].as_array().unwrap().is_empty();
            (alert["labels"]["id"].as_str().unwrap().to_owned(), (receivers, inhibited))
        };
        alerts.iter().map(one).collect()
    }
}

#[test]
fn receivers_and_inhibition_of_a_live_alertmanager() {
    let Some(live) = Alertmanager::start() else {
        println!("skipped: prometheus-alertmanager is not installed here");
        return;
    };
    let sets = label_sets(300);
    let posted: Vec<_> = sets.iter().map(|labels| serde_json::json!({"labels": pairs(labels)})).collect();
    let (status, body) = live.request("POST", "/api/v2/alerts", &serde_json::to_string(&posted).unwrap()).unwrap();
    assert_eq!(status, 200, "{body}");
    let config = parse("am.yml", CONFIG).unwrap();
    let expected: BTreeMap<_, _> =
        sets.iter().map(|labels| (labels.get("id").to_owned(), verdict(&config, labels, &sets))).collect();
    // Alerts are routed as soon as they are posted; the inhibitor and the notification pipeline follow.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = live.alerts();
        if found == expected {
            break;
        }
        let different: Vec<_> = expected.iter().filter(|(id, v)| found.get(*id) != Some(v)).take(3).collect();
        assert!(Instant::now() < deadline, "{different:#?}\n{found:#?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let inhibited = expected.values().filter(|(_, inhibited)| *inhibited).count();
    println!("{} label sets: receivers and inhibition equal, {inhibited} inhibited", expected.len());
    assert!(inhibited > 20);
}

fn pairs(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}

fn verdict(config: &alerts::route::Config, labels: &Labels, firing: &[Labels]) -> (Vec<String>, bool) {
    let destinations = config.destinations(labels, chrono::DateTime::UNIX_EPOCH);
    // The API lists receivers by name, each once.
    let receivers: std::collections::BTreeSet<_> = destinations.iter().map(|d| d.route.receiver.clone()).collect();
    (receivers.into_iter().collect(), config.inhibited(labels, firing).is_some())
}

fn amtool_receivers(config: &Path, labels: &Labels) -> Option<String> {
    let labels = labels.iter().map(|(name, value)| format!("{name}={value:?}"));
    let output = Command::new("amtool")
        .args(["config", "routes", "test"])
        .arg(format!("--config.file={}", config.display()))
        .args(labels)
        .output()
        .ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// On this project's configuration, and on the one above.
#[test]
fn receivers_of_amtool() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("am.yml");
    std::fs::write(&own, CONFIG).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../alerts/alertmanager.yml");
    let mut compared = 0;
    for path in [own, repository] {
        let config = parse("am.yml", &std::fs::read_to_string(&path).unwrap()).unwrap();
        for labels in label_sets(110) {
            let destinations = config.destinations(&labels, chrono::DateTime::UNIX_EPOCH);
            let ours: Vec<_> = destinations.iter().map(|d| d.route.receiver.as_str()).collect();
            let Some(theirs) = amtool_receivers(&path, &labels) else {
                println!("skipped: amtool is not installed here");
                return;
            };
            assert_eq!(theirs, ours.join(","), "{labels}");
            compared += 1;
        }
    }
    println!("{compared} label sets: the same receivers as amtool");
    assert!(compared >= 200);
}
