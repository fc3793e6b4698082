import Foundation

/// The files that this process has open.
enum OpenFiles {
    /// How many there are. Other tests of the process may open some meanwhile.
    static func count() -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }
}
