//! What people read, and what is left after shrinking.

use super::*;

#[test]
fn a_report_is_a_few_lines_with_seed_plan_and_what_happened() {
    let (_, injector) = with(|frames| frames.loss(0.01).drop_nth(3, Udp::new().dport(53)).delay(ms(1)));
    let report = injector.report().to_string();
    let wanted = "faults: seed 7; to host: loss 0.01, delay 1ms, drop_nth 3 of UDP (dport 53)
  0.001 s  delayed 1ms #1 to host: 192.0.2.2:9 > 192.0.2.1:53 UDP 8 octets (delay 1ms)
  0.002 s  delayed 1ms #2 to host: 192.0.2.2:9 > 192.0.2.1:53 UDP 8 octets (delay 1ms)
  0.003 s  dropped #3 to host: 192.0.2.2:9 > 192.0.2.1:53 UDP 8 octets (drop_nth 3)
  0.004 s  delayed 1ms #4 to host: 192.0.2.2:9 > 192.0.2.1:53 UDP 8 octets (delay 1ms)
  and 996 more: 987 delayed, 9 dropped";
    assert_eq!(report, wanted);
    let idle = Injector::new(FaultPlan::new().loss(0.5));
    assert_eq!(idle.report().to_string(), "faults: seed 0; to host: loss 0.5; to device: loss 0.5\n  nothing was done");
    assert_eq!(Injector::new(FaultPlan::new()).report().to_string(), "faults: seed 0; no faults");
}

#[test]
fn a_delivery_tells_what_was_done_to_it() {
    let plan = FaultPlan::new().to_host(|frames| frames.corrupt_octet(1, 0).delay(ms(3)));
    let mut injector = Injector::new(plan);
    let mut notes = Vec::new();
    injector.frame(Towards::Host, FrameRef::new(Mode::Tun, &[0x45; 20]), ms(0), |frame| notes.push(frame.note));
    injector.due(ms(3), |frame| notes.push(frame.note));
    assert_eq!(notes, [Some("corrupted octet 0 by 0xff (planned), delayed 3ms (delay 3ms)".to_owned())]);
}

/// What is tested fails when two certain frames are lost. The run that found it lost 50.
#[test]
fn two_faults_of_fifty_are_found() {
    let sent = datagrams(175);
    let run = |plan: &FaultPlan| run(plan.clone(), &sent);
    let fails = |plan: &FaultPlan| {
        let arrived: BTreeSet<u64> = numbers(&run(plan).0).into_iter().collect();
        !arrived.contains(&11) && !arrived.contains(&137)
    };
    let random = FaultPlan::new().seed(7).to_host(|frames| frames.loss(0.3));
    assert!(fails(&random));
    let exact = run(&random).1.exact_plan();
    let from = exact.exact().unwrap().len();
    assert_eq!(from, 50);
    let mut runs = 0;
    let shrunk = Shrinker::new().faults(&exact, |plan| {
        runs += 1;
        fails(plan)
    });
    let shrunk = shrunk.unwrap();
    let drop = |frame| ExactFault::Frame { towards: Towards::Host, frame, fault: FrameFault::Drop };
    assert_eq!(shrunk.plan.exact().unwrap(), [11, 137].map(drop));
    assert!(shrunk.minimal && shrunk.from == from && shrunk.runs == runs && runs < 60, "{runs} runs");
}
