extension StringProtocol {
    /// Whether a reader would look for this text before the other: `cpu.9` before `cpu.10`.
    ///
    /// Digits that follow each other are compared as one number, of any length; everything else by its scalars.
    package func precedesNaturally(_ other: some StringProtocol) -> Bool {
        var mine = unicodeScalars[...]
        var theirs = other.unicodeScalars[...]
        while let left = mine.first, let right = theirs.first {
            if left.isDigit, right.isDigit {
                let leftDigits = mine.prefix(while: \.isDigit)
                let rightDigits = theirs.prefix(while: \.isDigit)
                let leftNumber = leftDigits.drop { $0 == "0" }
                let rightNumber = rightDigits.drop { $0 == "0" }
                if leftNumber.count != rightNumber.count { return leftNumber.count < rightNumber.count }
                if !leftNumber.elementsEqual(rightNumber) { return leftNumber.lexicographicallyPrecedes(rightNumber) }
                mine = mine.dropFirst(leftDigits.count)
                theirs = theirs.dropFirst(rightDigits.count)
            } else {
                if left != right { return left < right }
                mine.removeFirst()
                theirs.removeFirst()
            }
        }
        // One is the other's beginning, or they differ in leading zeros alone: any order will do that is always the same.
        if mine.isEmpty != theirs.isEmpty { return mine.isEmpty }
        return unicodeScalars.lexicographicallyPrecedes(other.unicodeScalars)
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
}
