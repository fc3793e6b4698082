import Foundation
import IntegrationSupport

/// The system calls that a unit allows, and those that a program makes.
enum SystemCalls {
    /// Whether this machine lets programs be traced. Without strace it does, so that the test says what to install.
    static func canBeTraced() async -> Bool {
        guard let strace = try? Program.find("strace", package: "strace") else { return true }
        return (try? await Program.run(strace, ["-D", "-f", "-o", "/dev/null", "true"])) != nil
    }

    /// What the lines `SystemCallFilter=` of a unit leave, by the sets of the systemd that is here.
    static func allowed(by unit: String) async throws -> Set<String> {
        let analyze = try Program.find("systemd-analyze", package: "systemd")
        let sets = sets(in: try await Program.run(analyze, ["syscall-filter", "--no-pager"]))
        var allowed: Set<String> = []
        for line in unit.split(separator: "\n") where line.hasPrefix("SystemCallFilter=") {
            let value = line.dropFirst("SystemCallFilter=".count)
            let isDenied = value.hasPrefix("~")
            let words = value.drop { $0 == "~" }.split(separator: " ").map(String.init)
            let calls = words.reduce(into: Set<String>()) { $0.formUnion(Self.calls(of: $1, sets)) }
            allowed = isDenied ? allowed.subtracting(calls) : allowed.union(calls)
        }
        // Those without which no process can run are always allowed.
        return allowed.union(calls(of: "@default", sets))
    }

    /// What strace has written down: a line for each call, behind the number of its thread.
    static func made(in path: String) throws -> Set<String> {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        return Set(
            lines.compactMap { line in
                let call = line.drop { $0.isNumber || $0 == " " }.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                return call.isEmpty ? nil : String(call)
            }
        )
    }

    private static func calls(of word: String, _ sets: [String: [String]]) -> Set<String> {
        guard word.hasPrefix("@") else { return [word] }
        return (sets[word] ?? []).reduce(into: Set<String>()) { $0.formUnion(calls(of: $1, sets)) }
    }

    /// A set begins at the margin; its members are indented, and a sign before them says that it is text.
    private static func sets(in text: String) -> [String: [String]] {
        var sets: [String: [String]] = [:]
        var name = ""
        for line in text.split(separator: "\n") {
            let word = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("@") {
                name = word
            } else if !word.hasPrefix("#") {
                sets[name, default: []].append(word)
            }
        }
        return sets
    }
}
