use std::time::Duration;

use super::*;
use crate::url::PageUrl;

#[test]
fn a_host_that_waits_takes_nothing_from_the_rate_of_the_run() {
    let now = Instant::now();
    let settings = FrontierSettings {
        rate: Some("1/h".parse().unwrap()),
        ..FrontierSettings::default()
    };
    let mut frontier = Frontier::new(settings, Method::GET);
    let job = Job::seed(1, PageUrl::parse("http://a.example/").unwrap());
    let later = now + Duration::from_secs(1);
    frontier.workbench.host(&job.host, now).hold(later);
    assert!(frontier.admit(Box::new(job), now).unwrap().is_none());
    assert!(matches!(frontier.next(now), Next::NotBefore(at) if at == later));
    assert!(matches!(frontier.next(later), Next::Job(_)));
}
