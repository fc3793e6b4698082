/// A filter as SUBSCRIBE has it: shared by a group's members or not (MQTT 5, 4.8.2).
package struct SharedFilter: Sendable, Hashable {
    /// The group that shares it; `nil`: it is not shared.
    package let group: String?
    /// The filter without its group.
    package let filter: String

    /// - Returns: `nil` if it is no filter.
    package init?(_ text: String) {
        guard text.utf8.starts(with: "$share".utf8),
            text.utf8.dropFirst(6).first ?? UInt8(ascii: "/") == UInt8(ascii: "/")
        else {
            guard TextRules.isFilter(text) else { return nil }
            (group, filter) = (nil, text)
            return
        }
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let (group, filter) = (String(Substring(parts[1])), String(Substring(parts[2])))
        guard !group.isEmpty, TextRules.isTopicName(group), TextRules.isFilter(filter) else { return nil }
        (self.group, self.filter) = (group, filter)
    }
}
