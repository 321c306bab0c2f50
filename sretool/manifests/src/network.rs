//! Who may reach whom: network policies as the API defines them.
//!
//! A connection needs the consent of both sides. A side consents when no policy selects its pod for that direction, or
//! when a rule of one that does admits the other side and the port. Addresses (`ipBlock`) stand for what is outside of
//! the cluster and never admit a pod here.

use crate::cluster::{Cluster, Manifest};
use crate::labels::{Labels, Selector, read_labels};
use crate::workload::{Port, Workload, port_text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One side of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Namespace.
    pub namespace: String,
    /// Labels of the pod.
    pub labels: Labels,
    /// Ports that the pod names, for rules that name ports.
    pub ports: Vec<Port>,
}

impl From<&Workload> for Endpoint {
    fn from(workload: &Workload) -> Self {
        Self {
            namespace: workload.namespace.clone(),
            labels: workload.labels.clone(),
            ports: workload.ports().cloned().collect(),
        }
    }
}

/// Who refuses a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Policies of the caller's side select it and none of their rules admits the connection; their names.
    Egress(Vec<String>),
    /// The same on the side that is called.
    Ingress(Vec<String>),
}

/// All network policies of a cluster, and the labels of its namespaces.
#[derive(Clone, Debug)]
pub struct Network {
    policies: Vec<Policy>,
    namespaces: BTreeMap<String, Labels>,
}

#[derive(Clone, Debug)]
struct Policy {
    name: String,
    namespace: String,
    selects: Selector,
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
}

#[derive(Clone, Debug)]
struct Rule {
    /// None admits everybody.
    peers: Option<Vec<Peer>>,
    /// None admits all ports.
    ports: Option<Vec<RulePort>>,
}

#[derive(Clone, Debug)]
enum Peer {
    Pods { namespaces: Option<Selector>, pods: Option<Selector> },
    Addresses,
}

#[derive(Clone, Debug)]
struct RulePort {
    protocol: String,
    /// None admits all ports of the protocol.
    port: Option<String>,
    end: Option<u16>,
}

impl Network {
    /// Reads the policies and namespaces of a cluster.
    pub fn new(cluster: &Cluster) -> Self {
        let labels = |manifest: &Manifest| {
            let mut labels = read_labels(manifest.at("/metadata/labels"));
            labels.insert("kubernetes.io/metadata.name".to_owned(), manifest.name.clone());
            (manifest.name.clone(), labels)
        };
        Self {
            policies: cluster.of_kind("NetworkPolicy").map(Policy::read).collect(),
            namespaces: cluster.of_kind("Namespace").map(labels).collect(),
        }
    }

    /// Labels of a namespace; one without a manifest has its name only.
    fn namespace_labels(&self, name: &str) -> Labels {
        let own = || Labels::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())]);
        self.namespaces.get(name).cloned().unwrap_or_else(own)
    }

    /// Whether `from` may connect to `port` of `to`.
    ///
    /// # Errors
    /// Who refuses, the caller's side first.
    pub fn connect(&self, from: &Endpoint, to: &Endpoint, protocol: &str, port: u16) -> Result<(), Refusal> {
        let admits = |rule: &Rule, peer: &Endpoint| {
            self.admits_peer(rule, peer) && rule.ports.as_ref().is_none_or(|p| admits_port(p, to, protocol, port))
        };
        let judge = |pod: &Endpoint, peer: &Endpoint, rules: fn(&Policy) -> Option<&Vec<Rule>>| {
            let selecting = self.policies.iter().filter(|policy| policy.covers(pod) && rules(policy).is_some());
            let selecting: Vec<_> = selecting.collect();
            let same_namespace = |policy: &Policy| policy.namespace == pod.namespace;
            debug_assert!(selecting.iter().all(|policy| same_namespace(policy)));
            let admitted = selecting.iter().any(|p| rules(p).into_iter().flatten().any(|rule| admits(rule, peer)));
            let names = || selecting.iter().map(|policy| policy.name.clone()).collect();
            if selecting.is_empty() || admitted { Ok(()) } else { Err(names()) }
        };
        judge(from, to, |policy| policy.egress.as_ref()).map_err(Refusal::Egress)?;
        judge(to, from, |policy| policy.ingress.as_ref()).map_err(Refusal::Ingress)
    }

    fn admits_peer(&self, rule: &Rule, peer: &Endpoint) -> bool {
        rule.peers.as_ref().is_none_or(|peers| {
            peers.iter().any(|one| match one {
                Peer::Addresses => false,
                Peer::Pods { namespaces, pods } => {
                    let namespace = namespaces
                        .as_ref()
                        .is_none_or(|selector| selector.matches(&self.namespace_labels(&peer.namespace)));
                    namespace && pods.as_ref().is_none_or(|selector| selector.matches(&peer.labels))
                }
            })
        })
    }

    /// All connections between workloads that are allowed, to ports that the called one names: caller, called, port.
    pub fn edges(&self, workloads: &[Workload]) -> BTreeSet<(String, String, u16)> {
        let mut found = BTreeSet::new();
        for from in workloads {
            for to in workloads {
                for port in to.ports() {
                    let (caller, called) = (Endpoint::from(from), Endpoint::from(to));
                    if self.connect(&caller, &called, &port.protocol, port.number).is_ok() {
                        found.insert((from.name.clone(), to.name.clone(), port.number));
                    }
                }
            }
        }
        found
    }
}

fn admits_port(ports: &[RulePort], to: &Endpoint, protocol: &str, port: u16) -> bool {
    ports.iter().any(|rule| {
        if rule.protocol != protocol {
            return false;
        }
        let Some(written) = &rule.port else { return true };
        match (written.parse::<u16>(), rule.end) {
            (Ok(first), Some(end)) => (first..=end).contains(&port),
            (Ok(number), None) => number == port,
            (Err(_), _) => to.ports.iter().any(|p| p.name == *written && p.number == port && p.protocol == protocol),
        }
    })
}

impl Policy {
    fn read(manifest: &Manifest) -> Self {
        let types: Option<Vec<&str>> = manifest
            .at("/spec/policyTypes")
            .and_then(Value::as_array)
            .map(|types| types.iter().filter_map(Value::as_str).collect());
        let egress_rules = manifest.at("/spec/egress").and_then(Value::as_array);
        // Without types, ingress always counts and egress where there are rules for it.
        let counts = |name: &str, default: bool| types.as_ref().map_or(default, |types| types.contains(&name));
        let namespace = &manifest.namespace;
        let rules = |list: Option<&Vec<Value>>, key: &str| {
            list.into_iter().flatten().map(|rule| Rule::read(rule, key, namespace)).collect::<Vec<_>>()
        };
        Self {
            name: manifest.name.clone(),
            namespace: namespace.clone(),
            selects: Selector::read(manifest.at("/spec/podSelector")),
            ingress: counts("Ingress", true)
                .then(|| rules(manifest.at("/spec/ingress").and_then(Value::as_array), "from")),
            egress: counts("Egress", egress_rules.is_some()).then(|| rules(egress_rules, "to")),
        }
    }

    fn covers(&self, pod: &Endpoint) -> bool {
        self.namespace == pod.namespace && self.selects.matches(&pod.labels)
    }
}

impl Rule {
    fn read(value: &Value, peers_key: &str, namespace: &str) -> Self {
        let list = |key: &str| value.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
        Self {
            peers: list(peers_key).map(|peers| peers.iter().map(|peer| Peer::read(peer, namespace)).collect()),
            ports: list("ports").map(|ports| ports.iter().map(RulePort::read).collect()),
        }
    }
}

impl Peer {
    fn read(value: &Value, namespace: &str) -> Self {
        if value.get("ipBlock").is_some() {
            return Self::Addresses;
        }
        let namespaces = value.get("namespaceSelector").map(|selector| Selector::read(Some(selector)));
        // A pod selector alone means the policy's own namespace.
        let own = || Selector::plain(Some(&serde_json::json!({"kubernetes.io/metadata.name": namespace})));
        Self::Pods {
            namespaces: Some(namespaces.unwrap_or_else(own)),
            pods: value.get("podSelector").map(|selector| Selector::read(Some(selector))),
        }
    }
}

impl RulePort {
    fn read(value: &Value) -> Self {
        Self {
            protocol: value.get("protocol").and_then(Value::as_str).unwrap_or("TCP").to_owned(),
            port: value.get("port").map(port_text),
            end: value.get("endPort").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = "kind: NetworkPolicy\nmetadata: {name: deny, namespace: ns}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n---\n";

    fn endpoint(namespace: &str, app: &str) -> Endpoint {
        let ports = vec![Port { name: "api".into(), number: 80, protocol: "TCP".into() }];
        Endpoint { namespace: namespace.into(), labels: Labels::from([("app".into(), app.into())]), ports }
    }

    fn network(policies: &str) -> Network {
        Network::new(&Cluster::parse("x", &format!("{DENY}{policies}")).unwrap())
    }

    fn policy(spec: &str) -> String {
        format!("kind: NetworkPolicy\nmetadata: {{name: p, namespace: ns}}\nspec: {spec}\n---\n")
    }

    const FROM_A: &str = "{podSelector: {matchLabels: {app: b}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: a}}}], ports: [{port: api}]}]}";
    const TO_B: &str = "{podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: b}}}], ports: [{port: 80, endPort: 90}]}]}";

    #[test]
    fn both_sides_must_consent() {
        let (a, b) = (endpoint("ns", "a"), endpoint("ns", "b"));
        let both = network(&(policy(FROM_A) + &policy(TO_B)));
        assert_eq!(both.connect(&a, &b, "TCP", 80), Ok(()));
        assert_eq!(network(&policy(FROM_A)).connect(&a, &b, "TCP", 80), Err(Refusal::Egress(vec!["deny".into()])));
        let only_egress = network(&policy(TO_B));
        assert_eq!(only_egress.connect(&a, &b, "TCP", 80), Err(Refusal::Ingress(vec!["deny".into()])));
        assert!(both.connect(&a, &b, "TCP", 81).is_err() && both.connect(&a, &b, "UDP", 80).is_err());
        assert!(both.connect(&b, &a, "TCP", 80).is_err());
        let edges = Network::new(&Cluster::default());
        assert_eq!(edges.connect(&b, &a, "TCP", 1), Ok(()), "without policies everything is allowed");
    }

    #[test]
    fn a_pod_selector_alone_means_the_own_namespace() {
        let network = network(&(policy(FROM_A) + &policy(TO_B)));
        assert_eq!(
            network.connect(&endpoint("other", "a"), &endpoint("ns", "b"), "TCP", 80),
            Err(Refusal::Ingress(vec!["deny".into(), "p".into()]))
        );
    }

    #[test]
    fn namespaces_are_known_by_their_labels() {
        let ingress = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {gateway: 'true'}}}, {ipBlock: {cidr: 10.0.0.0/8}}]}]}";
        let namespace = "kind: Namespace\nmetadata: {name: edge, labels: {gateway: 'true'}}\n---\n";
        let network = network(&(policy(ingress) + namespace));
        let b = endpoint("ns", "b");
        assert_eq!(network.connect(&endpoint("edge", "x"), &b, "TCP", 9), Ok(()));
        assert!(network.connect(&endpoint("else", "x"), &b, "TCP", 9).is_err());
    }
}
