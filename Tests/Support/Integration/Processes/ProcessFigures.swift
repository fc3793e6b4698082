import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What processes use.
package enum ProcessFigures {
    /// This one's threads of which the name begins so.
    package static func threads(named prefix: String) -> Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.count { task in
            let name = try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
            return name?.hasPrefix(prefix) ?? false
        }
    }

    /// This one's descriptors.
    package static var descriptors: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0
    }

    /// The bytes that this one has in memory.
    package static var residentBytes: Int { residentBytes(of: "self") }

    /// The bytes that a process has in memory.
    package static func residentBytes(of processID: Int32) -> Int { residentBytes(of: "\(processID)") }

    private static func residentBytes(of process: String) -> Int {
        let path = "/proc/\(process)/statm"
        let fields = (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: " ") ?? []
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(getpagesize())
    }
}
