// Without Foundation, whose libraries would be most of the memory that is measured.
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The lines that whoever started this program reads.
package enum Report {
    /// Whoever sends may begin.
    package static func ready() {
        print("READY")
        flush()
    }

    package static func figures(_ count: Int, in duration: Duration, latencies: [Duration] = []) {
        var used = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
        let cpu = Double(used.tv_sec) + Double(used.tv_nsec) / 1e9
        let seconds = duration / .seconds(1)
        var line = "{\"rate\":\(Double(count) / seconds),\"seconds\":\(seconds),\"cpuSeconds\":\(cpu)"
        if !latencies.isEmpty {
            let sorted = latencies.sorted()
            let median = sorted[sorted.count / 2] / .microseconds(1)
            line += ",\"median\":\(median),\"p99\":\(sorted[sorted.count * 99 / 100] / .microseconds(1))"
        }
        print(line + "}")
        flush()
    }

    package static func bytes(_ count: Int) {
        print("{\"bytes\":\(count)}")
        flush()
    }

    private static func flush() { fflush(nil) }
}
