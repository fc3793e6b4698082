#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A section of PostgreSQL's service file. libpq reads it, too, and by itself; what is read here is what has to be known before
/// it connects: hosts and the rules for TLS.
enum PostgreSQLService {
    /// What the file says of a service; nothing if there is none of that name, which libpq then reports.
    static func values(_ name: String?) -> [String: String] {
        guard let name = name ?? environment("PGSERVICE") else { return [:] }
        let files = [
            environment("PGSERVICEFILE") ?? environment("HOME").map { $0 + "/.pg_service.conf" },
            (environment("PGSYSCONFDIR") ?? "/etc/postgresql-common") + "/pg_service.conf",
        ]
        for file in files.compactMap({ $0 }) {
            if let values = section(name, of: text(of: file)) { return values }
        }
        return [:]
    }

    /// What stands below a name, read as libpq reads it: otherwise hosts of its would pass for none.
    static func section(_ name: String, of text: String) -> [String: String]? {
        var values: [String: String]?
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let line = Substring(line.trimmed)
            if line.isEmpty || line.utf8.first == UInt8(ascii: "#") { continue }
            if line.utf8.first == UInt8(ascii: "[") {
                if values != nil { return values }
                // Behind the bracket there may be anything.
                if line.utf8.starts(with: "[\(name)]".utf8) { values = [:] }
            } else if values != nil, let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) {
                // Of two the first one counts.
                let said = [String(line[..<equals]): String(line[line.utf8.index(after: equals)...])]
                values?.merge(said) { first, _ in first }
            }
        }
        return values
    }

    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func text(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        // libpq's own limit is a line of 1,024 bytes; a file of a megabyte is none of its.
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}

extension Substring.UTF8View {
    /// Without what is white space in C at both ends.
    fileprivate var trimmed: Substring.UTF8View {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        var rest = drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return rest
    }
}
