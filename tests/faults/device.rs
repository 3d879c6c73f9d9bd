//! Calls that fail, and what happens to the link.

use super::*;

#[test]
fn calls_fail_where_that_is_planned() {
    let plan = FaultPlan::new().device(|device| {
        device
            .on(Call::Receive, 2..=3, CallFault::Eagain)
            .on(Call::Receive, 5, CallFault::ShortRead { octets: 10 })
            .on(Call::Receive, 7.., CallFault::Ebadfd)
            .on(Call::Transmit, Calls::every(3).within(ms(4)..ms(9)), CallFault::Enobufs)
            .on(Call::Transmit, 1..2, CallFault::Eio)
    });
    let mut injector = Injector::new(plan);
    let receives: Vec<_> = (1..=8).map(|n| injector.on_call(Call::Receive, ms(n)).fault).collect();
    let (eagain, ebadfd) = (Some(CallFault::Eagain), Some(CallFault::Ebadfd));
    let short = Some(CallFault::ShortRead { octets: 10 });
    assert_eq!(receives, [None, eagain, eagain, None, short, None, ebadfd, ebadfd]);
    let mut injector = Injector::new(injector.plan().clone());
    let transmits: Vec<_> = (1..=12).filter(|n| injector.on_call(Call::Transmit, ms(*n)).fault.is_some()).collect();
    assert_eq!(transmits, [1, 6], "3 is too early, 9 and 12 are too late");
    assert_eq!(injector.happened()[0].to_string(), "transmit 1 gave EIO (on transmit 1)");
}

#[test]
fn calls_fail_sometimes() {
    let plan = FaultPlan::new().seed(7).device(|device| {
        device
            .sometimes(Call::Receive, 0.3, CallFault::Eintr)
            .sometimes(Call::Transmit, 0.3, CallFault::Eagain)
            .sometimes(Call::Receive, 0.3, CallFault::PacketInfo(TunPi::new(EtherType::IPV6)))
    });
    let mut injector = Injector::new(plan);
    let mut calls = |call| -> Vec<_> { (0..1000).map(|_| injector.on_call(call, ms(0)).fault).collect() };
    let (receives, transmits) = (calls(Call::Receive), calls(Call::Transmit));
    let count = |faults: &[Option<CallFault>], fault| faults.iter().filter(|given| **given == Some(fault)).count();
    assert_eq!(count(&receives, CallFault::Eintr), 309);
    // The second rule has its say where the first has none: 0.7 · 0.3.
    assert_eq!(count(&receives, CallFault::PacketInfo(TunPi::new(EtherType::IPV6))), 205);
    assert_eq!(count(&transmits, CallFault::Eagain), 302);
    assert_ne!(
        receives.iter().map(Option::is_some).collect::<Vec<_>>(),
        transmits.iter().map(Option::is_some).collect::<Vec<_>>()
    );
}

#[test]
fn the_link_changes_at_its_time_or_call() {
    let plan = FaultPlan::new().device(|device| {
        device
            .before(Call::Transmit, 2, LinkFault::Removed)
            .at(ms(30), LinkFault::Up)
            .at(ms(20), LinkFault::Down)
            .at(ms(40), LinkFault::QueueLength(0))
            .before(Call::Receive, 1, LinkFault::Mtu(1280))
    });
    let mut injector = Injector::new(plan);
    assert_eq!(injector.next_due(), Some(ms(20)));
    assert_eq!(injector.link_due(ms(19)), None);
    assert_eq!(injector.link_due(ms(20)), Some((ms(20), LinkFault::Down)));
    assert_eq!(injector.link_due(ms(20)), None);
    assert_eq!(injector.next_due(), Some(ms(30)));
    // What nobody asked for comes with the next call, before what is planned for that call.
    let first = injector.on_call(Call::Receive, ms(35));
    assert_eq!(first.link, [LinkFault::Up, LinkFault::Mtu(1280)]);
    assert_eq!(injector.on_call(Call::Transmit, ms(36)).link, []);
    assert_eq!(injector.on_call(Call::Transmit, ms(50)).link, [LinkFault::QueueLength(0), LinkFault::Removed]);
    assert_eq!((injector.next_due(), injector.link_due(Duration::MAX)), (None, None));
    // By time, not by place in the plan.
    let mut late = Injector::new(injector.plan().clone());
    assert_eq!(late.link_due(ms(30)), Some((ms(20), LinkFault::Down)));
    assert_eq!(late.link_due(ms(30)), Some((ms(30), LinkFault::Up)));
    assert_eq!(late.link_due(ms(30)), None);
    let lines: Vec<_> = injector.happened().iter().map(ToString::to_string).collect();
    assert_eq!(lines[0], "link down at 20ms (planned)");
    assert_eq!(lines[2], "MTU 1280 before receive 1 (planned)");
}

#[test]
#[cfg(target_os = "linux")]
fn errors_are_those_of_a_linux_device() {
    let errors = [
        (CallFault::Eagain, libc::EAGAIN),
        (CallFault::Eintr, libc::EINTR),
        (CallFault::Eio, libc::EIO),
        (CallFault::Enobufs, libc::ENOBUFS),
        (CallFault::Ebadfd, libc::EBADFD),
    ];
    for (fault, errno) in errors {
        assert_eq!(fault.error().unwrap().raw_os_error(), Some(errno), "{fault}");
    }
    assert!(CallFault::PacketInfo(TunPi::new(EtherType::ARP)).error().is_none());
}
