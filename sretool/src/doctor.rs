//! `sretool doctor`: what keeps a deployment from working, from its manifests or from a live cluster through kubectl.

use crate::exit;
use crate::io::Io;
use manifests::{Cluster, Endpoint, Finding, Network, Refusal, Severity, Workload, diagnose};
use serde_json::json;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What is read from a live cluster. Secrets are named by their keys only, so that no value is read.
const KINDS: &str = "pods,deployments,statefulsets,daemonsets,services,endpointslices,configmaps,serviceaccounts,\
                     persistentvolumeclaims,networkpolicies,horizontalpodautoscalers,poddisruptionbudgets,namespaces";

/// Arguments of `sretool doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kubectl kustomize deploy/kubernetes/overlays/production | sretool doctor
  sretool doctor --kubectl -n sre-platform
  sretool doctor manifests.yaml --from order-service --to user-service --port 3001
Exit status: 0 nothing is wrong; 1 an error was found, or the connection is refused; 2 unreadable; 3 kubectl fails.")]
pub struct Args {
    /// Manifests: YAML files, folders to build with kustomize, or - for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<PathBuf>,
    /// Ask the cluster that kubectl is set to instead
    #[arg(long, conflicts_with = "files")]
    kubectl: bool,
    /// Namespace to ask for [default: kubectl's own]
    #[arg(short, long, value_name = "NAME", requires = "kubectl")]
    namespace: Option<String>,
    /// Ask only whether this workload may reach another
    #[arg(long, value_name = "WORKLOAD", requires = "to")]
    from: Option<String>,
    /// The workload to be reached
    #[arg(long, value_name = "WORKLOAD", requires = "from")]
    to: Option<String>,
    /// Its port, by number or name [default: all that it names]
    #[arg(long, value_name = "PORT", requires = "to")]
    port: Option<String>,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// Runs `sretool doctor`.
pub fn run(args: Args, io: &mut Io<'_>) -> ExitCode {
    let cluster = match if args.kubectl { live(args.namespace.as_deref()) } else { read(&args.files) } {
        Ok(cluster) => cluster,
        Err((message, code)) => {
            io.error(message);
            return code;
        }
    };
    if let (Some(from), Some(to)) = (&args.from, &args.to) {
        return reach(&cluster, from, to, args.port.as_deref(), io);
    }
    let findings = diagnose(&cluster);
    match args.format {
        Format::Json => io.line(json!(findings.iter().map(finding_json).collect::<Vec<_>>())),
        Format::Text => {
            findings.iter().for_each(|finding| io.line(finding));
            let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
            let (all, warnings) = (cluster.manifests.len(), findings.len() - errors);
            io.line(format_args!("{all} manifests examined: {errors} errors, {warnings} warnings"));
        }
    }
    if findings.iter().any(|f| f.severity == Severity::Error) { exit::failed() } else { exit::good() }
}

fn finding_json(finding: &Finding) -> serde_json::Value {
    json!({
        "severity": finding.severity.as_str(), "subject": finding.subject, "cause": finding.cause,
        "remedy": finding.remedy,
    })
}

type Failure = (String, ExitCode);

fn read(files: &[PathBuf]) -> Result<Cluster, Failure> {
    let mut all = Cluster::default();
    for path in files {
        let (name, text) = text_of(path)?;
        let cluster = Cluster::parse(&name, &text).map_err(|error| (error.to_string(), exit::invalid()))?;
        all.manifests.extend(cluster.manifests);
    }
    if all.manifests.is_empty() {
        let message = "there are no manifests; pipe in `kubectl kustomize FOLDER`, or name files or folders";
        return Err((message.to_owned(), exit::invalid()));
    }
    Ok(all)
}

fn text_of(path: &Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    if name == "-" {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| (format!("standard input cannot be read: {error}"), exit::invalid()))?;
        return Ok(("standard input".to_owned(), text));
    }
    if path.is_dir() {
        return Ok((name.clone(), kubectl(&["kustomize", &name])?));
    }
    let text = std::fs::read_to_string(path);
    Ok((name.clone(), text.map_err(|error| (format!("{name}: cannot be read: {error}"), exit::invalid()))?))
}

fn live(namespace: Option<&str>) -> Result<Cluster, Failure> {
    let mut arguments = vec!["get", KINDS, "--output", "yaml"];
    arguments.extend(namespace.iter().flat_map(|name| ["--namespace", name]));
    let text = kubectl(&arguments)?;
    Cluster::parse("kubectl get", &text).map_err(|error| (error.to_string(), exit::no_judgement()))
}

fn kubectl(arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new("kubectl").args(arguments).output();
    let output = output.map_err(|error| (format!("kubectl cannot be run: {error}"), exit::no_judgement()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err((format!("kubectl {}: {}", arguments[0], said.trim()), exit::no_judgement()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn reach(cluster: &Cluster, from: &str, to: &str, port: Option<&str>, io: &mut Io<'_>) -> ExitCode {
    let workloads = cluster.workloads();
    let find = |name: &str| workloads.iter().find(|w| w.name == name || w.id() == name);
    let (Some(caller), Some(called)) = (find(from), find(to)) else {
        let names: Vec<_> = workloads.iter().map(|w| w.name.as_str()).collect();
        let missing = if find(from).is_none() { from } else { to };
        io.error(format_args!("there is no workload {missing}; known are {}", names.join(", ")));
        return exit::invalid();
    };
    let ports = match port {
        Some(port) => called.resolve_port(port),
        None => called.ports().map(|p| p.number).collect(),
    };
    if ports.is_empty() {
        io.error(format_args!("{to} has no port {}", port.unwrap_or("at all")));
        return exit::invalid();
    }
    let network = Network::new(cluster);
    let refused = ports.into_iter().filter(|port| !allowed(&network, caller, called, *port, io)).count();
    if refused == 0 { exit::good() } else { exit::failed() }
}

fn allowed(network: &Network, caller: &Workload, called: &Workload, port: u16, io: &mut Io<'_>) -> bool {
    let (from, to) = (&caller.name, &called.name);
    let refused = |side: &str, policies: &[String]| {
        format!("{from} may not reach {to}:{port}: no {side} rule of {} allows it", policies.join(", "))
    };
    let verdict = network.connect(&Endpoint::from(caller), &Endpoint::from(called), "TCP", port);
    match &verdict {
        Ok(()) => io.line(format_args!("{from} may reach {to}:{port}")),
        Err(Refusal::Egress(policies)) => io.line(refused("egress", policies)),
        Err(Refusal::Ingress(policies)) => io.line(refused("ingress", policies)),
    }
    verdict.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "kind: Deployment\nmetadata: {name: a}\nspec: {template: {metadata: {labels: {app: a}}, spec: {containers: \
                        [{name: a, image: 'a:1', resources: {limits: {memory: 1Gi}}}]}}}\n---\nkind: Deployment\nmetadata: {name: b}\n\
                        spec: {template: {metadata: {labels: {app: b}}, spec: {containers: [{name: b, image: 'b:1', \
                        ports: [{name: api, containerPort: 80}], readinessProbe: {}, resources: {limits: {memory: 1Gi}}}]}}}\n";

    fn asked(text: &str, with: impl FnOnce(&mut Args)) -> (ExitCode, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.yaml");
        std::fs::write(&path, text).unwrap();
        let mut args = Args {
            files: vec![path],
            kubectl: false,
            namespace: None,
            from: None,
            to: None,
            port: None,
            format: Format::Text,
        };
        with(&mut args);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(args, &mut Io { out: &mut out, err: &mut err, terminal: false });
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn a_sound_deployment_has_no_finding() {
        let (code, out, _) = asked(GOOD, |_| {});
        assert_eq!((code, out.as_str()), (exit::good(), "2 manifests examined: 0 errors, 0 warnings\n"));
    }

    #[test]
    fn an_error_fails_and_says_what_to_do() {
        let service = "---\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: c}, ports: [{port: 1}]}\n";
        let (code, out, _) = asked(&format!("{GOOD}{service}"), |_| {});
        assert_eq!(code, exit::failed());
        assert!(out.starts_with("error: Service/s: its selector matches no pod"), "{out}");
        let (code, out, _) = asked(&format!("{GOOD}{service}"), |args| args.format = Format::Json);
        assert_eq!(code, exit::failed());
        assert!(out.contains("\"subject\":\"Service/s\""), "{out}");
    }

    #[test]
    fn who_may_reach_whom() {
        let question = |from: &str, to: &str, port: Option<&str>| {
            let (from, to, port) = (Some(from.to_owned()), Some(to.to_owned()), port.map(str::to_owned));
            move |args: &mut Args| (args.from, args.to, args.port) = (from, to, port)
        };
        let (code, out, _) = asked(GOOD, question("a", "b", None));
        assert_eq!((code, out.as_str()), (exit::good(), "a may reach b:80\n"));
        let deny = "---\nkind: NetworkPolicy\nmetadata: {name: deny}\nspec: {podSelector: {}}\n";
        let (code, out, _) = asked(&format!("{GOOD}{deny}"), question("a", "b", Some("api")));
        assert_eq!(code, exit::failed());
        assert_eq!(out, "a may not reach b:80: no ingress rule of deny allows it\n");
        let (code, _, err) = asked(GOOD, question("x", "b", None));
        assert_eq!(code, exit::invalid());
        assert!(err.contains("no workload x; known are a, b"), "{err}");
        assert_eq!(asked(GOOD, question("b", "a", None)).0, exit::invalid());
    }

    #[test]
    fn what_cannot_be_read_is_invalid() {
        for text in ["a: [", "", "x: 1\n"] {
            assert_eq!(asked(text, |_| {}).0, exit::invalid(), "{text}");
        }
        let (code, _, err) = asked(GOOD, |args| args.files = vec!["/nonexistent.yaml".into()]);
        assert_eq!(code, exit::invalid());
        assert!(err.contains("/nonexistent.yaml: cannot be read"), "{err}");
    }
}
