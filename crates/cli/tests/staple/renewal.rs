//! A certificate that is replaced, and one that demands what the configuration does not give (RFC 7633 4.3.2).

use std::fs;

use certvouch_testkit::process::Server;

use crate::clients::leaf;
use crate::support::{Site, eventually, run};

/// A responder that can be taken away, and what replaces the certificate.
struct Renewal {
    site: Site,
    responder: Option<Server>,
}

impl Renewal {
    /// The certificate in use has a number that the index knows as good; the new one has EE-good's.
    fn new() -> Option<Self> {
        let site = Site::new()?;
        let old = leaf(&site, &site.world.d_a.serial, &[]);
        let path = |name: &str| site.path().join(name);
        fs::write(path("www.pem"), old.pem() + &site.world.ca_a.pem()).unwrap();
        let new = leaf(&site, &site.world.ee_good.serial, &[]);
        fs::write(path("new.pem"), new.pem() + &site.world.ca_a.pem()).unwrap();
        let (responder, address) = site.responder(&[]);
        site.configure(address, "", "{ kind = \"file\", file = \"www.der\" }");
        Some(Self {
            site,
            responder: Some(responder),
        })
    }

    /// Adds a target without a place of delivery, for the certificate that is to come.
    fn announce(&self) {
        let path = self.site.path().join("staple.toml");
        let text = fs::read_to_string(&path).unwrap();
        let responder = text.lines().find(|line| line.starts_with("responder"));
        let next = format!(
            "[[target]]\nname = \"next\"\ncertificate = \"new.pem\"\n{}\n",
            responder.unwrap()
        );
        fs::write(
            self.site.path().join("next.toml"),
            format!("state = \"state\"\n{next}"),
        )
        .unwrap();
    }

    fn replace(&self) {
        let path = |name: &str| self.site.path().join(name);
        fs::copy(path("new.pem"), path("www.pem.aside")).unwrap();
        fs::rename(path("www.pem.aside"), path("www.pem")).unwrap();
    }

    fn staple(&self) -> Option<Vec<u8>> {
        fs::read(self.site.path().join("www.der")).ok()
    }

    fn standing(&self) -> Option<(String, String)> {
        let target = self.site.report()?["targets"][0].clone();
        let text = |key: &str| target[key].as_str().map(str::to_owned);
        Some((text("serial")?, text("standing")?))
    }
}

// covers: R7633-4.3.2-2
#[test]
fn staple_of_the_old_certificate_is_never_delivered_for_the_new_one() {
    let Some(mut renewal) = Renewal::new() else {
        return;
    };
    let mut agent = renewal.site.agent();
    eventually("the old one's staple", || renewal.staple().is_some());
    let (old, _) = renewal.standing().unwrap();
    drop(renewal.responder.take());
    renewal.replace();
    agent.hang_up();
    // Nobody answers: the old staple goes, and the state says what is missing.
    eventually("withdrawn", || renewal.staple().is_none());
    eventually("told", || {
        let now = renewal.standing();
        now.is_some_and(|(serial, standing)| serial != old && standing == "missing")
    });
    let _ = agent.terminate();
    assert_eq!(
        run(renewal.site.path(), &["staple", "status"]).code,
        Some(1)
    );
}

// covers: R7633-4.3.2-2
#[test]
fn certificate_whose_staple_was_fetched_before_is_switched_to_while_the_responder_is_down() {
    let Some(mut renewal) = Renewal::new() else {
        return;
    };
    renewal.announce();
    let mut agent = renewal.site.agent();
    eventually("the old one's staple", || renewal.staple().is_some());
    let old = renewal.staple();
    let (old_serial, _) = renewal.standing().unwrap();
    // What a deploy script waits for: exit code 0 when the staple of the certificate to come is in hand.
    let once = ["staple", "once", "--config", "next.toml"];
    let outcome = run(renewal.site.path(), &once);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    drop(renewal.responder.take());
    renewal.replace();
    agent.hang_up();
    // It comes from the disk: nobody is there to be asked.
    eventually("the new one's staple", || {
        renewal
            .staple()
            .is_some_and(|staple| Some(&staple) != old.as_ref())
    });
    eventually("told", || {
        let report = renewal.site.report();
        report.is_some_and(|report| {
            let target = &report["targets"][0];
            target["standing"] == "good"
                && target["origin"] == "store"
                && target["serial"] != old_serial
        })
    });
    let _ = agent.terminate();
}

#[test]
fn certificate_that_cannot_be_fetched_for_holds_up_the_switch() {
    let Some(mut renewal) = Renewal::new() else {
        return;
    };
    renewal.announce();
    drop(renewal.responder.take());
    let once = ["staple", "once", "--config", "next.toml"];
    let outcome = run(renewal.site.path(), &once);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
}

// covers: R7633-4.3.2-1
#[test]
fn certificate_that_demands_a_staple_where_the_mode_is_never_is_told_of() {
    let Some(site) = Site::new() else {
        return;
    };
    let must = leaf(&site, &site.world.ee_good.serial, &[5]);
    fs::write(
        site.path().join("www.pem"),
        must.pem() + &site.world.ca_a.pem(),
    )
    .unwrap();
    let (_responder, address) = site.responder(&[]);
    let deliver = "{ kind = \"file\", file = \"www.der\" }";
    for (mode, code) in [("never", 1), ("must", 0), ("auto", 0)] {
        site.configure(address, &format!("mode = \"{mode}\""), deliver);
        let outcome = site.once();
        assert_eq!(outcome.code, Some(code), "{mode}: {}", outcome.all());
        let told = outcome.err().contains("the certificate demands a staple");
        assert_eq!(told, mode == "never", "{mode}: {}", outcome.all());
        let error = site.report().unwrap()["targets"][0]["last_error"]["code"].clone();
        assert_eq!(error == "must-staple", mode == "never", "{mode}: {error}");
        assert_eq!(
            site.path().join("www.der").exists(),
            mode != "never",
            "{mode}"
        );
    }
    // Who demands nothing may go without.
    let plain = leaf(&site, &site.world.ee_good.serial, &[]);
    fs::write(
        site.path().join("www.pem"),
        plain.pem() + &site.world.ca_a.pem(),
    )
    .unwrap();
    site.configure(address, "mode = \"never\"", deliver);
    assert_eq!(site.once().code, Some(0));
}
