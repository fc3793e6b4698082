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
        guard let time = seconds(ofDate: text, at: now) else { return nil }
        return .seconds(min(max(0, time - now), maximum.components.seconds))
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The day, the month, the year, the time of day, and the zone of a date in one of the three forms (section 5.6.7).
    ///
    /// - Parameter year: the year that it is.
    private static func words(ofDate text: Substring, in year: Int64) -> [Substring]? {
        let words = text.split(separator: " ")
        switch (words.count, words.first?.hasSuffix(",")) {
        // Sun, 06 Nov 1994 08:49:37 GMT
        case (6, true): return Array(words.dropFirst())
        // Sunday, 06-Nov-94 08:49:37 GMT
        case (4, true):
            let date = words[1].split(separator: "-", omittingEmptySubsequences: false)
            guard date.count == 3, date[2].count == 2, let digits = Int64(date[2]) else { return nil }
            // Of the years that end so the one that is nearest.
            let distance = (digits - year % 100 + 150) % 100 - 50
            return [date[0], date[1], Substring("\(year + distance)"), words[2], words[3]]
        // Sun Nov  6 08:49:37 1994
        case (5, false): return [words[2], words[1], words[4], words[3], "GMT"]
        default: return nil
        }
    }

    /// The time of a date.
    private static func seconds(ofDate text: Substring, at now: Int64) -> Int64? {
        // A year has 365.2425 days.
        guard let words = words(ofDate: text, in: 1970 + now / 31_556_952), words[4] == "GMT",
            let day = Int64(words[0]), (1...31).contains(day), let month = months.firstIndex(of: String(words[1])),
            let year = Int64(words[2]), (1970...9999).contains(year)
        else { return nil }
        let clock = words[3].split(separator: ":", omittingEmptySubsequences: false).compactMap { Int64($0) }
        guard clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        // Years are counted from March, so that a leap day is the last day of one.
        let number = Int64((month + 10) % 12)
        let from = year - (month < 2 ? 1 : 0)
        let days = from * 365 + from / 4 - from / 100 + from / 400 + (number * 306 + 5) / 10 + day - 719_469
        return ((days * 24 + clock[0]) * 60 + clock[1]) * 60 + clock[2]
    }
}
