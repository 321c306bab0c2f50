use super::*;

#[test]
fn the_built_in_profiles_are_valid() {
    for (name, _) in BUILT_IN {
        let profile = Profile::built_in(name).unwrap().unwrap();
        assert!(!profile.description.is_empty(), "{name}");
        assert!(!profile.thresholds.is_empty(), "{name}");
    }
    let steady = Profile::built_in("steady").unwrap().unwrap();
    assert_eq!(steady.schedule.mean_rate(), 1000.0);
    assert!(Profile::built_in("sprint").is_none());
}

#[test]
fn a_profile_is_read_in_whole() {
    let text = "description = 'x'\nusers = 20\naccounts = 30\ntimeout = '2s'\nthresholds = ['p95<1s']\n\
                [[stages]]\nfrom = 0\nto = 100\nduration = '10s'\n[[stages]]\nrate = 50\nduration = '1m'\n\
                [mix]\norder = 1\n";
    let profile = Profile::parse("a.toml", text).unwrap();
    assert_eq!((profile.users, profile.accounts), (20, 20));
    assert_eq!((profile.timeout, profile.drain), (Duration::from_secs(2), Duration::from_secs(3)));
    assert_eq!(profile.schedule.total(), 3500);
    assert_eq!(profile.thresholds[0].expr, "p95<1s");
    assert_eq!(profile.mix, Mix::new([("order".to_owned(), 1)].into()).unwrap());
}

#[test]
fn arrivals_aborts_and_targets_are_read() {
    let text = "description = 'x'\narrival = 'poisson'\nseed = 7\nabort_on = ['errors>50%']\n\
                [[stages]]\nrate = 10\nduration = '1s'\n\
                [[targets]]\nurl = 'http://h/a'\nweight = 3\n\
                [[targets]]\nmethod = 'POST'\nurl = 'http://h/b/7'\nname = '/b/{id}'\nexpect = [201]\n\
                body = '{}'\nheaders = { x-key = '1' }\n";
    let profile = Profile::parse("a.toml", text).unwrap();
    assert_eq!(profile.schedule.arrival(), Arrival::Poisson { seed: 7 });
    assert_eq!(profile.abort_on[0].expr, "errors>50%");
    let shown: Vec<_> = profile.targets.iter().map(|t| (&*t.route, t.weight, t.expected.clone())).collect();
    assert_eq!(shown, [("GET /a", 3, vec![]), ("POST /b/{id}", 1, vec![201])]);
}

#[track_caller]
fn refused(text: &str, place: &str, part: &str) {
    let error = Profile::parse("a.toml", text).unwrap_err().to_string();
    assert!(error.starts_with(place), "{error}");
    assert!(error.contains(part), "{error}");
}

#[test]
fn errors_name_the_place() {
    let stage = "[[stages]]\nrate = 1\nduration = '1s'\n";
    refused("description = 'x'\n", "a.toml:1:1: ", "stages");
    refused(&format!("description = 'x'\nusrs = 2\n{stage}"), "a.toml:2:1: ", "usrs");
    refused(&format!("description = 'x'\nusers = 0\n{stage}"), "a.toml:2:9: ", "from 1 to 10,000");
    refused(&format!("description = 'x'\ntimeout = 'soon'\n{stage}"), "a.toml:2:11: ", "duration");
    refused(&format!("description = 'x'\nthresholds = ['p95<1']\n{stage}"), "a.toml:2:21: ", "unit of time");
    refused(&format!("description = 'x'\n{stage}[mix]\norder = 1\ndance = 2\n"), "a.toml:7:1: ", "\"dance\"");
    refused("description = 'x'\nstages = []\n", "a.toml:2:10: ", "no request");
    let both = "description = 'x'\n[[stages]]\nrate = 1\nfrom = 2\nduration = '1s'\n";
    refused(both, "a.toml:2:", "either a rate");
    refused("description = 'x'\n[[stages]]\nrate = -1\nduration = '1s'\n", "a.toml:2:", "rate must be");
    refused("description = \n", "a.toml:1:", "");
    let head = "description = 'x'\n";
    refused(&format!("{head}arrival = 'late'\n{stage}"), "a.toml:2:11: ", "late");
    refused(&format!("{head}abort_on = ['errors']\n{stage}"), "a.toml:2:20: ", "expected <");
    refused(&format!("{head}{stage}[[targets]]\nurl = 'h'\n"), "a.toml:6:7: ", "no URL");
    refused(&format!("{head}{stage}[[targets]]\nuri = 'http://h'\n"), "a.toml:6:1: ", "uri");
    refused(
        &format!("{head}{stage}[[targets]]\nurl = 'http://h'\nmethod = 'get'\n"),
        "a.toml:7:10: ",
        "no HTTP method",
    );
    refused(&format!("{head}{stage}[[targets]]\nurl = 'http://h'\nexpect = [99]\n"), "a.toml:7:10: ", "status");
}
