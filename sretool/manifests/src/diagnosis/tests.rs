use super::*;

const GOOD: &str = r#"
kind: ServiceAccount
metadata: {name: api, namespace: ns}
---
kind: Deployment
metadata: {name: api, namespace: ns}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: api}}
    spec:
      serviceAccountName: api
      containers:
      - name: api
        image: api:1
        env:
        - {name: DB_URL, value: "postgres://u@db:5432/x"}
        - {name: TOKEN, valueFrom: {secretKeyRef: {name: s, key: token}}}
        ports: [{name: http, containerPort: 80}]
        readinessProbe: {httpGet: {path: /ready, port: http}}
        livenessProbe: {httpGet: {path: /live, port: http}}
        resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}
---
kind: StatefulSet
metadata: {name: db, namespace: ns}
spec:
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - name: db
        image: db:1
        ports: [{name: sql, containerPort: 5432}]
        readinessProbe: {tcpSocket: {port: sql}}
        resources: {requests: {memory: 1Gi}, limits: {memory: 1Gi}}
---
kind: Service
metadata: {name: api, namespace: ns}
spec: {selector: {app: api}, ports: [{port: 8080, targetPort: http}]}
---
kind: Service
metadata: {name: db, namespace: ns}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
kind: Secret
metadata: {name: s, namespace: ns}
stringData: {token: x}
---
kind: HTTPRoute
metadata: {name: api, namespace: ns}
spec: {rules: [{backendRefs: [{name: api, port: 8080}]}]}
---
kind: PodDisruptionBudget
metadata: {name: api, namespace: ns}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: api}}}
"#;

fn findings(text: &str) -> Vec<String> {
    diagnose(&Cluster::parse("x", text).unwrap()).iter().map(ToString::to_string).collect()
}

/// One change, and the words that the one finding must have.
#[track_caller]
fn breaks(from: &str, to: &str, words: &[&str]) {
    assert!(GOOD.contains(from), "{from}");
    let found = findings(&GOOD.replacen(from, to, 1));
    assert!(!found.is_empty(), "nothing found for {to}");
    for word in words {
        assert!(found[0].contains(word), "{word}: {found:#?}");
    }
}

#[test]
fn nothing_is_wrong_with_what_is_right() {
    assert_eq!(findings(GOOD), [""; 0]);
}

#[test]
fn names_that_do_not_exist() {
    breaks("serviceAccountName: api", "serviceAccountName: ap", &["error: Deployment/api", "service account ap"]);
    breaks("key: token}", "key: tokn}", &["no key tokn", "token"]);
    breaks("secretKeyRef: {name: s,", "secretKeyRef: {name: t,", &["warning", "Secret/t", "kubectl get secret t"]);
    breaks("name: api, port: 8080", "name: ap, port: 8080", &["HTTPRoute/api", "Service/ap does not exist"]);
    breaks("name: api, port: 8080", "name: api, port: 80", &["HTTPRoute/api", "no port 80"]);
    breaks("selector: {app: db}", "selector: {app: dbs}", &["Service/db", "matches no pod"]);
    breaks("targetPort: http", "targetPort: https", &["Service/api", "targetPort https", "http (80)"]);
    breaks("path: /ready, port: http", "path: /ready, port: web", &["readinessProbe asks port web"]);
    breaks("db:5432/x", "db:5433/x", &["DB_URL names port 5433"]);
}

#[test]
fn what_stops_or_hurts() {
    breaks("maxUnavailable: 1", "maxUnavailable: 0", &["PodDisruptionBudget/api", "never be drained"]);
    breaks("maxUnavailable: 1", "minAvailable: 2", &["never be drained"]);
    breaks("path: /live", "path: /ready", &["warning", "restarts every pod"]);
    breaks("image: api:1", "image: api:latest", &["another image tomorrow"]);
    breaks(
        "limits: {memory: 1Gi}}\n---\nkind: StatefulSet",
        "limits: {memory: 2Gi}}\n---\nkind: StatefulSet",
        &["killed first"],
    );
    breaks("        readinessProbe: {tcpSocket: {port: sql}}\n", "", &["StatefulSet/db", "no readinessProbe"]);
}

#[test]
fn network_policies_that_cut_a_call_off() {
    let deny = "---\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: ns}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n";
    let found = findings(&format!("{GOOD}{deny}"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("DB_URL points at db:5432, and no ingress rule of the network policies deny"),
        "{found:?}"
    );
}

#[test]
fn scalers_that_quarrel() {
    let hpa = "---\nkind: HorizontalPodAutoscaler\nmetadata: {name: api, namespace: ns}\nspec: {scaleTargetRef: {kind: Deployment, name: api}, metrics: [{resource: {name: cpu}}]}\n";
    let vpa =
        "---\nkind: VerticalPodAutoscaler\nmetadata: {name: api, namespace: ns}\nspec: {targetRef: {name: api}}\n";
    let found = findings(&format!("{GOOD}{hpa}{vpa}"));
    assert!(found[0].contains("both steer by cpu") && found[1].contains("every apply resets"), "{found:#?}");
    let missing = hpa.replace("name: api}, metrics", "name: gone}, metrics");
    assert!(findings(&format!("{GOOD}{missing}"))[0].contains("Deployment/gone does not exist"));
}

#[test]
fn volumes_that_mount_once() {
    let text = "kind: PersistentVolumeClaim\nmetadata: {name: c, namespace: ns}\nspec: {accessModes: [ReadWriteOnce]}\n---\n\
                kind: Deployment\nmetadata: {name: d, namespace: ns}\nspec: {replicas: 2, template: {spec: {containers: [], \
                volumes: [{persistentVolumeClaim: {claimName: c}}]}}}\n";
    let found = findings(text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("rolling update") && found[1].contains("share the volume c"), "{found:#?}");
}

#[test]
fn states_of_pods() {
    let pod = |status: &str| format!("kind: Pod\nmetadata: {{name: p}}\nspec: {{containers: []}}\nstatus: {status}\n");
    let crash = "{containerStatuses: [{name: c, restartCount: 7, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 78}}}]}";
    let found = findings(&pod(crash));
    assert!(
        found[0].contains("status 78: its configuration is wrong")
            && found[0].contains("kubectl logs p -c c --previous"),
        "{found:?}"
    );
    let killed = "{containerStatuses: [{name: c, lastState: {terminated: {reason: OOMKilled, exitCode: 137}}}]}";
    assert!(findings(&pod(killed))[0].contains("more memory than its limit"));
    let image = "{containerStatuses: [{name: c, state: {waiting: {reason: ImagePullBackOff, message: not found}}}]}";
    assert!(findings(&pod(image))[0].contains("cannot be pulled: not found"));
    let pending = "{conditions: [{type: PodScheduled, status: 'False', message: 0/3 nodes}]}";
    assert!(findings(&pod(pending))[0].contains("no node takes it: 0/3 nodes"));
    let restarts = "{containerStatuses: [{name: c, restartCount: 9, state: {running: {}}}]}";
    assert!(findings(&pod(restarts))[0].starts_with("warning: Pod/p: c was restarted 9 times"));
    let slice = "kind: EndpointSlice\nmetadata: {name: s-x, labels: {kubernetes.io/service-name: s}}\nendpoints: [{conditions: {ready: false}}]\n";
    assert!(findings(slice)[0].contains("Service/s: none of its 1 endpoints is ready"));
}
