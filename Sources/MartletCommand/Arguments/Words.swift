import ArgumentParser
import MartletBrokers

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The words of a command line that are no options: the broker's URL, which may be left out, and what the command takes.
///
/// The first word is the URL if it looks like one, which no topic, queue or name of a procedure does.
struct Words: Equatable {
    let address: BrokerAddress
    /// What stands behind the URL; missing ones are `nil`.
    let rest: [String?]

    /// - Parameters:
    ///   - words: in the order written; the last ones may be missing.
    ///   - required: what has to stand behind the URL.
    ///   - optional: what may stand behind that.
    ///   - worksAlone: whether a broker inside this process, which no other reaches, is of use.
    ///   - fallback: the URL, if none is written; by default that of the environment.
    /// - Throws: `ValidationError`.
    init(
        _ words: [String?],
        required: [String],
        optional: [String] = [],
        worksAlone: Bool = false,
        fallback: String? = getenv("MARTLET_URL").map { String(cString: $0) }
    ) throws {
        var words = words.compactMap { $0 }
        var url = fallback.flatMap { $0.isEmpty ? nil : $0 }
        var source = "MARTLET_URL"
        if let first = words.first, Self.looksLikeURL(first) {
            url = words.removeFirst()
            source = "the URL"
        }
        guard let url else {
            throw ValidationError(
                "There is no URL: write the broker's first, such as mqtt://localhost, or set MARTLET_URL."
            )
        }
        guard let address = BrokerAddress(url) else {
            let scheme = url.prefix { $0 != ":" && $0 != "/" && $0 != "@" }
            throw ValidationError(
                "There is no broker '\(scheme):', as \(source) says; there is \(BrokerAddress.known)."
            )
        }
        if case .embedded = address, !worksAlone {
            throw ValidationError(
                "\(address) is a broker inside this process, which nobody else reaches: it is for demo, bench and bridge."
            )
        }
        guard words.count >= required.count else {
            throw ValidationError("Missing expected argument '<\(required[words.count])>'")
        }
        let names = required.count + optional.count
        guard words.count <= names else { throw ValidationError("Unexpected argument '\(words[names])'") }
        self.address = address
        rest = words + Array(repeating: nil, count: names - words.count)
    }

    private static func looksLikeURL(_ word: String) -> Bool {
        if case .embedded = BrokerAddress(word) { return true }
        guard let end = word.firstRange(of: "://")?.lowerBound, end > word.startIndex else { return false }
        return word[..<end].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "+" || $0 == "-") }
    }
}

extension Words {
    /// A word that has to be there.
    subscript(_ index: Int) -> String { rest[index] ?? "" }
}
