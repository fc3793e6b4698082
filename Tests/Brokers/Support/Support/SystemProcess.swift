import Foundation

/// A process of this machine, looked at from outside.
enum SystemProcess {
    /// The state's letter (R, S, T, …) in the kernel's list; `nil` if there is no such process. One that has ended and that
    /// nobody has waited for yet counts as gone.
    static func state(_ process: Int32) throws -> Character? {
        guard let contents = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return nil }
        // The name in parentheses may hold anything.
        let fields = String(decoding: contents, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        let state = fields.first?.first
        return state == "Z" || state == "X" ? nil : state
    }

    /// The numbers of the processes whose environment or arguments hold a text.
    static func mentioning(_ text: String) throws -> [Int32] {
        let text = Data(text.utf8)
        return try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { process in
            ["environ", "cmdline"].contains { file in
                // It may end meanwhile.
                FileManager.default.contents(atPath: "/proc/\(process)/\(file)")?.range(of: text) != nil
            }
        }
    }
}
