//! The admission policies of deploy/kubernetes/policies, evaluated: they refuse every seeded mistake and nothing of ours.
#![expect(clippy::unwrap_used, reason = "a test fails where a step of it fails")]

use cel::{Context, Program, Value as Cel};
use manifests::{Cluster, Manifest};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

struct Policy {
    name: String,
    resources: Vec<String>,
    validations: Vec<(Program, String)>,
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// Resource names of the API, as `resources` of a policy writes them.
fn resource(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{lower}s"),
    }
}

fn policies() -> Vec<Policy> {
    let mut found = Vec::new();
    for file in ["workloads.yaml", "network.yaml", "access.yaml"] {
        let text = std::fs::read_to_string(deploy().join("kubernetes/policies").join(file)).unwrap();
        for manifest in Cluster::parse(file, &text).unwrap().manifests {
            let rules = manifest.at("/spec/matchConstraints/resourceRules").unwrap().as_array().unwrap();
            let resources = rules.iter().flat_map(|rule| rule["resources"].as_array().unwrap());
            let validations = manifest.at("/spec/validations").unwrap().as_array().unwrap();
            let compile = |v: &Value| {
                let source = v["expression"].as_str().unwrap();
                let program = Program::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
                (program, v["message"].as_str().unwrap().to_owned())
            };
            found.push(Policy {
                resources: resources.map(|r| r.as_str().unwrap().to_owned()).collect(),
                validations: validations.iter().map(compile).collect(),
                name: manifest.name,
            });
        }
    }
    found
}

/// Messages of the validations that refuse a manifest.
fn refusals(policies: &[Policy], manifest: &Value) -> Vec<String> {
    let kind = resource(manifest["kind"].as_str().unwrap());
    let mut found = Vec::new();
    for policy in policies.iter().filter(|policy| policy.resources.contains(&kind)) {
        for (program, message) in &policy.validations {
            let mut context = Context::default();
            context.add_variable("object", manifest.clone()).unwrap();
            match program.execute(&context) {
                Ok(Cel::Bool(true)) => {}
                Ok(Cel::Bool(false)) => found.push(format!("{}: {message}", policy.name)),
                // `failurePolicy: Fail`: what cannot be evaluated is refused.
                other => found.push(format!("{}: {message} ({other:?})", policy.name)),
            }
        }
    }
    found
}

fn good(kind: &str) -> Value {
    let pod = json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "c", "image": "registry.example/c:1.2", "ports": [{"containerPort": 80}],
            "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 80}},
            "livenessProbe": {"httpGet": {"path": "/livez", "port": 80}},
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
            "securityContext": {
                "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}
            },
        }],
        "volumes": [{"name": "t", "emptyDir": {"sizeLimit": "1Mi"}}],
    });
    let labels = json!({"app.kubernetes.io/name": "c", "app.kubernetes.io/part-of": "p"});
    let spec = match kind {
        "Deployment" => json!({
            "replicas": 2, "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }),
        "Service" => json!({"ports": [{"port": 80}]}),
        "NetworkPolicy" => {
            json!({"ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"to": [{"podSelector": {}}]}]})
        }
        "HTTPRoute" => json!({"hostnames": ["a.example.com"], "rules": [{"timeouts": {"request": "1s"}}]}),
        "PodDisruptionBudget" => json!({"maxUnavailable": 1}),
        "HorizontalPodAutoscaler" => json!({
            "minReplicas": 2, "maxReplicas": 3, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        }),
        _ => json!(null),
    };
    match kind {
        "Role" => json!({"kind": kind, "rules": [{"resources": ["pods"], "verbs": ["get"]}]}),
        "RoleBinding" => {
            json!({"kind": kind, "roleRef": {"name": "r"}, "subjects": [{"kind": "ServiceAccount", "name": "s"}]})
        }
        _ => json!({"kind": kind, "spec": spec}),
    }
}

const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

/// Policy, kind, place, and what is put there; null removes it.
type Mistake = (&'static str, &'static str, String, Value);

fn mistakes() -> Vec<Mistake> {
    let mut found: Vec<Mistake> = Vec::new();
    let all = [(CONTAINER, of_containers()), (POD, of_pods()), ("", of_workloads())];
    for (base, mistakes) in all {
        found.extend(mistakes.into_iter().map(|(p, place, v)| (p, "Deployment", format!("{base}{place}"), v)));
    }
    found.extend(of_others().into_iter().map(|(policy, kind, place, v)| (policy, kind, place.to_owned(), v)));
    found
}

fn of_containers() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("sre-images", "/image", json!("registry.example/c")),
        ("sre-images", "/image", json!("registry.example/c:latest")),
        ("sre-images", "/image", json!("registry.example:5000/c")),
        ("sre-images", "/image", json!("ghcr.io/example/sretool:1.0")),
        ("sre-resources", "/resources", Value::Null),
        ("sre-resources", "/resources/requests/cpu", Value::Null),
        ("sre-resources", "/resources/requests/memory", Value::Null),
        ("sre-resources", "/resources/limits", Value::Null),
        ("sre-resources", "/resources/limits/memory", json!("128Mi")),
        ("sre-resources", "/resources/limits/cpu", json!("1")),
        ("sre-hardening", "/securityContext", Value::Null),
        ("sre-hardening", "/securityContext/readOnlyRootFilesystem", json!(false)),
        ("sre-hardening", "/securityContext/allowPrivilegeEscalation", json!(true)),
        ("sre-hardening", "/securityContext/allowPrivilegeEscalation", Value::Null),
        ("sre-hardening", "/securityContext/capabilities/drop", json!(["NET_RAW"])),
        ("sre-hardening", "/securityContext/capabilities/add", json!(["SYS_ADMIN"])),
        ("sre-hardening", "/securityContext/privileged", json!(true)),
        ("sre-hardening", "/env/0", json!({"name": "DB_PASSWORD", "value": "hunter2"})),
        ("sre-lifecycle", "/readinessProbe", Value::Null),
        ("sre-lifecycle", "/livenessProbe", Value::Null),
        ("sre-lifecycle", "/livenessProbe/httpGet/path", json!("/readyz")),
    ]
}

fn of_pods() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("sre-resources", "/volumes/0/emptyDir", json!({})),
        ("sre-hardening", "/securityContext", Value::Null),
        ("sre-hardening", "/securityContext/runAsNonRoot", json!(false)),
        ("sre-hardening", "/securityContext/seccompProfile/type", json!("Unconfined")),
        ("sre-hardening", "/hostNetwork", json!(true)),
        ("sre-hardening", "/hostPID", json!(true)),
        ("sre-hardening", "/volumes/0", json!({"name": "h", "hostPath": {"path": "/"}})),
        ("sre-lifecycle", "/terminationGracePeriodSeconds", json!(1)),
    ]
}

fn of_workloads() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("sre-lifecycle", "/spec/strategy", Value::Null),
        ("sre-lifecycle", "/spec/strategy/rollingUpdate/maxUnavailable", json!("25%")),
        ("sre-labels", "/spec/template/metadata/labels/app.kubernetes.io~1name", Value::Null),
        ("sre-labels", "/spec/template/metadata/labels/app.kubernetes.io~1part-of", Value::Null),
    ]
}

fn of_others() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    vec![
        ("sre-services", "Service", "/spec/type", json!("NodePort")),
        ("sre-services", "Service", "/spec/externalIPs", json!(["1.2.3.4"])),
        ("sre-network-policies", "NetworkPolicy", "/spec/ingress/0/from", Value::Null),
        ("sre-network-policies", "NetworkPolicy", "/spec/egress/0/to", Value::Null),
        ("sre-routes", "HTTPRoute", "/spec/rules/0/timeouts", Value::Null),
        ("sre-routes", "HTTPRoute", "/spec/hostnames", json!(["*.example.com"])),
        ("sre-roles", "Role", "/rules/0/verbs", json!(["*"])),
        ("sre-roles", "Role", "/rules/0/resources", json!(["*"])),
        ("sre-roles", "Role", "/rules/0", json!({"resources": ["secrets"], "verbs": ["list"]})),
        ("sre-bindings", "RoleBinding", "/roleRef/name", json!("cluster-admin")),
        ("sre-bindings", "RoleBinding", "/subjects/0", json!({"kind": "Group", "name": "system:unauthenticated"})),
        ("sre-disruption", "PodDisruptionBudget", "/spec/maxUnavailable", json!(0)),
        ("sre-disruption", "PodDisruptionBudget", "/spec", json!({"minAvailable": "100%"})),
        ("sre-scalers", "HorizontalPodAutoscaler", "/spec/minReplicas", json!(1)),
        ("sre-scalers", "HorizontalPodAutoscaler", "/spec/maxReplicas", json!(1)),
        ("sre-scalers", "HorizontalPodAutoscaler", "/spec/behavior", Value::Null),
    ]
}

fn put(manifest: &mut Value, place: &str, value: Value) {
    let (parent, key) = place.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    match manifest.pointer_mut(parent).unwrap() {
        Value::Object(map) if value.is_null() => {
            map.remove(&key).unwrap();
        }
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        other => panic!("{place}: {other}"),
    }
}

#[test]
fn every_seeded_mistake_is_refused_by_its_policy() {
    let policies = policies();
    let mistakes = mistakes();
    for (policy, kind, place, value) in &mistakes {
        assert_eq!(refusals(&policies, &good(kind)), [""; 0], "{kind}");
        let mut bad = good(kind);
        put(&mut bad, place, value.clone());
        let found = refusals(&policies, &bad);
        assert!(found.iter().any(|message| message.starts_with(&format!("{policy}:"))), "{place} = {value}: {found:?}");
    }
    println!("{} bad manifests refused, by {} policies", mistakes.len(), policies.len());
    assert!(mistakes.len() >= 30);
    let unused = policies.iter().find(|policy| !mistakes.iter().any(|(name, ..)| *name == policy.name));
    assert!(
        unused.is_none_or(|policy| policy.name.is_empty()),
        "no mistake is seeded for {:?}",
        unused.map(|p| &p.name)
    );
}

/// Overlays as kustomize builds them; none without kubectl.
fn built(folder: &str) -> Option<Vec<Manifest>> {
    let output = Command::new("kubectl").arg("kustomize").arg(deploy().join(folder)).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(Cluster::parse(folder, &String::from_utf8(output.stdout).unwrap()).unwrap().manifests)
}

#[test]
fn nothing_of_ours_is_refused() {
    let policies = policies();
    let mut judged = 0;
    for folder in [
        "kubernetes/overlays/production",
        "kubernetes/overlays/staging",
        "kubernetes/overlays/local",
        "istio/ambient",
        "istio/sidecar",
        "istio/kiali",
        "kong",
    ] {
        let Some(manifests) = built(folder) else {
            println!("skipped: kubectl is not installed here");
            return;
        };
        for manifest in manifests {
            assert_eq!(refusals(&policies, &manifest.value), [""; 0], "{folder}: {}", manifest.id());
            judged += 1;
        }
    }
    println!("{judged} manifests of ours: none refused");
}
