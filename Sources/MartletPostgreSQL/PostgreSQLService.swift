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

    static func section(_ name: String, of text: String) -> [String: String]? {
        var values: [String: String]?
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmed
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("[") {
                if values != nil { return values }
                if line == "[\(name)]" { values = [:] }
            } else if values != nil, let equals = line.firstIndex(of: "=") {
                // Of two the first one counts.
                let said = [String(line[..<equals]): String(line[line.index(after: equals)...])]
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

extension Substring {
    fileprivate var trimmed: Substring {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return start[...last]
    }
}
