import Testing

@testable import benchmarks

@Suite struct SystemCallCounterTests {
    @Test func perfPutsTheCountFirst() {
        let text = "# started on Monday\n\n1490,,raw_syscalls:sys_enter,2162315,100.00,,\n"
        #expect(SystemCallCounter.perf("perf").calls(in: text) == 1_490)
    }

    @Test(arguments: ["", "<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n"])
    func perfMayHaveCountedNothing(text: String) {
        #expect(SystemCallCounter.perf("perf").calls(in: text) == nil)
    }

    @Test func straceHasALineForEachCall() {
        let text = """
            % time     seconds  usecs/call     calls    errors syscall
            ------ ----------- ----------- --------- --------- ----------------
             60.00    0.000300          10        30        19 openat
             40.00    0.000200           9        22           close
            ------ ----------- ----------- --------- --------- ----------------
            100.00    0.000500           9        52        19 total
            """
        #expect(SystemCallCounter.strace("strace").calls(in: text) == 52)
        #expect(SystemCallCounter.strace("strace").calls(in: "") == nil)
    }
}
