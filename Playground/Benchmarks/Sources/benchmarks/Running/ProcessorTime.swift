import Foundation

/// Reads how long the processors worked for a program.
enum ProcessorTime {
    /// In seconds, since it began; `nil` where the system has no `/proc`.
    static func ofProcess(_ identifier: Int32?) -> Double? {
        guard let identifier, let text = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)
        else { return nil }
        return seconds(in: text, ticks: Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// Its name, in brackets, may hold anything. The 12th and 13th field after it are the program's own time and the system's.
    static func seconds(in text: String, ticks: Double) -> Double? {
        guard let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 12, let own = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        return (own + system) / ticks
    }
}
