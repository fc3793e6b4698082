import Testing

/// No message with a guarantee is lost, none of QoS 2 comes twice, and sessions, wills, what is kept and what expires are as
/// MQTT says, whatever links and clocks do.
@Suite struct SessionWorldTests {
    // MQTT 5: 2.2.1-4, 2.2.1-5, 2.2.1-6, 3.1.2-4, 3.1.2-5, 3.1.2-8, 3.1.2-10, 3.1.2-22, 3.1.3-9, 3.1.4-3, 3.2.0-1, 3.2.2-3.
    // MQTT 5: 3.3.1-1, 3.3.1-3, 3.3.2-3, 3.3.2-5, 3.3.2-6, 3.3.4-2, 3.3.4-4, 3.3.4-9, 3.8.3-3, 3.8.4-4, 3.8.4-8, 4.1.0-1.
    // MQTT 5: 4.1.0-2, 4.2-1, 4.3.1-1, 4.3.2-1, 4.3.2-3, 4.3.3-1, 4.3.3-3, 4.3.3-5, 4.3.3-6, 4.3.3-7, 4.3.3-10, 4.4.0-1.
    // MQTT 5: 4.5.0-1, 4.6.0-1, 4.6.0-2, 4.6.0-3, 4.6.0-4, 4.6.0-5, 4.6.0-6, 4.8.2-4, 4.8.2-5, 4.9.0-1, 4.9.0-2.
    // MQTT 3.1.1: 2.3.1-4, 2.3.1-6, 2.3.1-7, 3.1.2-4, 3.1.2-5, 3.1.2-6, 3.1.2-8, 3.1.2-24, 3.1.4-2, 3.2.0-1, 3.2.2-2.
    // MQTT 3.1.1: 3.3.1-1, 3.3.1-3, 3.3.2-3, 3.3.5-1, 3.8.4-6, 4.1.0-1, 4.1.0-2, 4.2.0-1, 4.3.1-1, 4.3.2-1, 4.3.2-2.
    // MQTT 3.1.1: 4.3.3-1, 4.3.3-2, 4.4.0-1, 4.5.0-1, 4.6.0-1, 4.6.0-2, 4.6.0-3, 4.6.0-4, 4.6.0-5, 4.6.0-6.
    // On request alone: of some hundreds to thousands of seeds one still fails. Of those looked into, one was a fault of the
    // broker and the others of the oracle; which it is has to be found out for each.
    @Test(.enabled(if: Seeds.areAskedFor)) func doesWhatMQTTSays() {
        Seeds.run(SessionWorld.self, count: 300)
    }

    /// Seeds that have failed before.
    @Test func oldSeedsAreFine() {
        let seeds: [UInt64] = [
            166_043_962, 209_354_228, 340_951_241, 400_472_395, 585_768_385, 734_100_682, 973_464_928,
        ]
        Seeds.rerun(SessionWorld.self, seeds)
    }
}
