import Foundation
import IntegrationSupport

/// Counts the system calls of a program and of all its threads.
enum SystemCallCounter: Sendable {
    /// In the kernel, which the program hardly feels. Not every system lets a user do so.
    case perf(String)
    /// Stops the program at each call.
    case strace(String)

    /// The first that works here; `nil` if none does.
    static func find() async -> Self? {
        guard let folder = try? TemporaryFolder("calls") else { return nil }
        defer { folder.remove() }
        let known: [(String, (String) -> Self)] = [("perf", Self.perf), ("strace", Self.strace)]
        for (number, (name, make)) in known.enumerated() {
            guard let path = try? Program.find(name, package: name) else { continue }
            let counter = make(path)
            let file = folder.path("\(number)")
            let command = counter.command("/bin/sh", ["-c", "exit"], to: file)
            guard (try? await Program.run(command.0, command.1)) != nil,
                let text = try? String(contentsOfFile: file, encoding: .utf8), counter.calls(in: text) != nil
            else { continue }
            return counter
        }
        return nil
    }

    /// What runs a program, and writes to a file what there was to count.
    func command(_ program: String, _ arguments: [String], to file: String) -> (String, [String]) {
        switch self {
        case .perf(let path):
            (path, ["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-o", file, "--", program] + arguments)
        case .strace(let path):
            (path, ["-f", "-c", "-o", file, "--", program] + arguments)
        }
    }

    /// Reads that file.
    func calls(in text: String) -> Int? {
        switch self {
        case .perf: Self.countOfPerf(text)
        case .strace: Self.countOfStrace(text)
        }
    }

    /// A line of values, with the count first, or `<not counted>`.
    private static func countOfPerf(_ text: String) -> Int? {
        let line = text.split(separator: "\n").first { $0.contains("raw_syscalls:sys_enter") }
        return line?.split(separator: ",").first.flatMap { Int($0) }
    }

    /// A table with a line for each call: `% time`, `seconds`, `usecs/call`, `calls`, `errors` if there were any, its name.
    private static func countOfStrace(_ text: String) -> Int? {
        let rows = text.split(separator: "\n").map { $0.split(separator: " ") }
        let counts = rows.filter { (5...6).contains($0.count) && $0.last != "total" }.compactMap { Int($0[3]) }
        return counts.isEmpty ? nil : counts.reduce(0, +)
    }
}
