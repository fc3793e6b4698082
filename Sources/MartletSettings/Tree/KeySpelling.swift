/// The spellings of a key: `custom_value`, `custom-value` and `customValue` are one.
enum KeySpelling {
    /// What all spellings of a key have in common.
    static func folded(_ key: String) -> String {
        String(key.lowercased().filter { $0 != "_" && $0 != "-" })
    }

    /// As it is written in files: `custom_value`. Empty if it has neither letters nor digits.
    static func snake(_ key: String) -> String { words(key).joined(separator: "_") }

    /// As it is written in Swift: `customValue`.
    static func camel(_ key: String) -> String {
        let words = words(key)
        return words.prefix(1).joined() + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// Its words, in lower case: a capital begins one, and so does the last of several if a small letter follows.
    private static func words(_ key: String) -> [String] {
        let scalars = Array(key.unicodeScalars)
        var words: [String] = []
        var word = ""
        for (index, scalar) in scalars.enumerated() {
            guard scalar.properties.isAlphabetic || scalar.properties.numericType != nil else {
                words.append(word)
                word = ""
                continue
            }
            if index > 0, scalar.properties.isUppercase {
                let isAfterCapital = scalars[index - 1].properties.isUppercase
                let isBeforeSmall = index + 1 < scalars.count && scalars[index + 1].properties.isLowercase
                if !isAfterCapital || isBeforeSmall {
                    words.append(word)
                    word = ""
                }
            }
            word.unicodeScalars.append(scalar)
        }
        return (words + [word]).filter { !$0.isEmpty }.map { $0.lowercased() }
    }

    /// The key that a misspelt one may have been meant for: at most a third of its letters are others, and two at most.
    static func nearest(to key: String, among keys: [String]) -> String? {
        let wanted = Array(folded(key).unicodeScalars)
        guard wanted.count <= 64 else { return nil }
        let near = keys.map { (key: $0, distance: distance(wanted, Array(folded($0).unicodeScalars))) }
        guard let best = near.min(by: { $0.distance < $1.distance }), best.distance <= min(2, wanted.count / 3) else {
            return nil
        }
        return best.key
    }

    /// How many scalars have to be put in, left out, replaced, or exchanged with the next one.
    private static func distance(_ one: [Unicode.Scalar], _ other: [Unicode.Scalar]) -> Int {
        guard other.count <= 64 else { return .max }
        var (beforeLast, last) = ([Int](), Array(0...other.count))
        for (row, scalar) in one.enumerated() {
            var line = [row + 1]
            for (column, match) in other.enumerated() {
                var best = min(last[column + 1], line[column]) + 1
                best = min(best, last[column] + (scalar == match ? 0 : 1))
                if row > 0, column > 0, scalar == other[column - 1], one[row - 1] == match {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                line.append(best)
            }
            (beforeLast, last) = (last, line)
        }
        return last[other.count]
    }
}
