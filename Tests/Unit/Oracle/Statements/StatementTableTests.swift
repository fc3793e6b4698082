import Foundation
import Testing

/// The tables of what MQTT 5 and 3.1.1 demand name the tests that there are, and the tests name what they show.
///
/// A comment above a test names the statements that it shows, by version and number.
@Suite struct StatementTableTests {
    private static let here = URL(filePath: #filePath).deletingLastPathComponent()
    private static let folders = ["../../MQTTWire", "../Sessions", ".", "../../../Brokers/Server"]

    /// The tests that name each statement of a version.
    private static func tests(of version: String) throws -> [String: Set<String>] {
        var tests: [String: Set<String>] = [:]
        for folder in folders {
            let files = try FileManager.default.subpathsOfDirectory(atPath: here.appending(path: folder).path())
            for file in files where file.hasSuffix(".swift") {
                let text = try String(contentsOf: here.appending(path: "\(folder)/\(file)"), encoding: .utf8)
                var (suite, named): (Substring, [String]) = ("", [])
                for line in text.split(separator: "\n") {
                    if line.contains("@Suite"), let name = line.firstMatch(of: /struct (\w+)/)?.output.1 {
                        suite = name
                    }
                    if line.firstMatch(of: /^ *\/\/.*MQTT/) != nil {
                        for match in line.matches(of: /MQTT ([\d.]+): ([\d., -]+)/) where match.output.1 == version {
                            named += match.output.2.matches(of: /[\d.]+-\d+/).map { String($0.output) }
                        }
                    } else if let name = line.firstMatch(of: /func (\w+)\(/)?.output.1 {
                        for statement in named { tests[statement, default: []].insert("\(suite).\(name)") }
                        named = []
                    }
                }
            }
        }
        return tests
    }

    private struct Row {
        let statement: String
        let tests: Set<String>
        let reason: String
    }

    private static func rows(_ file: String) throws -> [Row] {
        let text = try String(contentsOf: here.appending(path: file), encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            guard let match = line.wholeMatch(of: /\| ([\d.]+-\d+) \| (.+) \| (.+) \|/) else { return nil }
            let tests = match.output.3.matches(of: /`(\w+\.\w+)`/).map { String($0.output.1) }
            return Row(
                statement: String(match.output.1),
                tests: Set(tests),
                reason: tests.isEmpty ? String(match.output.3) : ""
            )
        }
    }

    @Test(arguments: [("5", "MQTT5.md"), ("3.1.1", "MQTT311.md")]) func namesWhatThereIs(
        _ version: String,
        _ file: String
    ) throws {
        let rows = try Self.rows(file)
        let tests = try Self.tests(of: version)
        for row in rows {
            #expect(tests[row.statement] ?? [] == row.tests, "\(version), \(row.statement)")
            #expect(row.tests.isEmpty != row.reason.isEmpty, "\(version), \(row.statement)")
        }
        let known = Set(rows.map(\.statement))
        #expect(known.count == rows.count)
        #expect(tests.keys.filter { !known.contains($0) }.isEmpty)
    }

    /// The statements of a section are numbered one after the other, but for one that MQTT 5 leaves out.
    @Test(arguments: [("MQTT5.md", 251, ["2.2.1-1"]), ("MQTT311.md", 142, [])]) func hasEveryStatement(
        _ file: String,
        _ count: Int,
        _ leftOut: [String]
    ) throws {
        let known = Set(try Self.rows(file).map(\.statement))
        #expect(known.count == count)
        for statement in known {
            guard let dash = statement.lastIndex(of: "-"), let number = Int(statement[dash...].dropFirst()), number > 1
            else {
                continue
            }
            let before = "\(statement[..<dash])-\(number - 1)"
            #expect(known.contains(before) || leftOut.contains(before), "\(before)")
        }
    }
}
