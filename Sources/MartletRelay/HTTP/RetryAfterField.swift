/// The header field `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date as HTTP writes it. Pure.
enum RetryAfterField {
    /// Servers that ask for more are asked again after a day.
    static let maximum = Duration.seconds(86_400)

    /// How long to wait.
    ///
    /// - Parameter now: in seconds since 1970.
    /// - Returns: `nil` for a text that is neither.
    static func delay(of text: String, at now: Int64) -> Duration? {
        let text = text.drop { $0 == " " }
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return min(maximum, .seconds(Int64(text) ?? .max / 2))
        }
        guard let time = seconds(ofDate: text) else { return nil }
        return .seconds(min(max(0, time - now), maximum.components.seconds))
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The time of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func seconds(ofDate text: Substring) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[0].hasSuffix(","), words[5] == "GMT", let day = Int64(words[1]),
            (1...31).contains(day), let month = months.firstIndex(of: String(words[2])), let year = Int64(words[3]),
            (1970...9999).contains(year)
        else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false).compactMap { Int64($0) }
        guard clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        // Years are counted from March, so that a leap day is the last day of one.
        let number = Int64((month + 10) % 12)
        let from = year - (month < 2 ? 1 : 0)
        let days = from * 365 + from / 4 - from / 100 + from / 400 + (number * 306 + 5) / 10 + day - 719_469
        return ((days * 24 + clock[0]) * 60 + clock[1]) * 60 + clock[2]
    }
}
