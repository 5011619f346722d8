//! GET: every spelling of the target, path prefixes, and what is no request (requirements §1.7, §3.3, E-14).

mod support;

use support::Fixture;

// covers: BR-4.9.9-2
#[test]
fn get_is_answered() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let q1 = certvouch_testkit::ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    let segment = certvouch_testkit::ask::get_segment(&q1, certvouch_testkit::ask::GetForm::Strict);
    let reaction = service.get(&format!("/{segment}"));
    fixture.verified(&reaction.body);
}
