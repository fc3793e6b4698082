import Logging
import Martlet
import MartletJWT
import MartletSettings

/// Whose JSON Web Tokens `martlet broker` lets in: of its file, of its options, or of both.
struct TokenSettings: Hashable, Sendable {
    /// The file of keys.
    var file: String
    /// Whether the file has a secret, not public keys.
    var isSecret = false
    var rules = TokenRules()

    init(file: String, isSecret: Bool = false) {
        (self.file, self.isSecret) = (file, isSecret)
    }

    /// Reads a path, or a table.
    ///
    /// - Parameter folder: what relative paths are relative to.
    init(_ node: SettingsNode, relativeTo folder: String) throws(SettingsError) {
        if case .text = node.value {
            self.init(file: FilePath.resolved(try node.text(), in: folder))
            return
        }
        var table = try SettingsTable(node, or: "a file")
        try table.exclude("keys", "secret")
        let (keys, secret) = (try table.text("keys"), try table.text("secret"))
        guard let file = keys ?? secret else { throw node.error("the key keys or secret is missing") }
        self.init(file: FilePath.resolved(file, in: folder), isSecret: keys == nil)
        rules.issuer = try table.text("issuer")
        rules.audience = try table.text("audience")
        rules.leeway = try table.duration("leeway", from: .zero) ?? rules.leeway
        rules.userClaim = try table.text("user") ?? rules.userClaim
        rules.clientIDClaim = try table.text("client-id")
        rules.userNameClaim = try table.text("user-name")
        rules.allowsEndless = try table.bool("endless") ?? rules.allowsEndless
        try table.finish("a table of tokens")
    }

    /// Reads the keys.
    ///
    /// - Parameter logger: what is told of keys that can't be used; `nil`: nobody.
    /// - Throws: `MessagingError.Code.invalidArgument` if they can't be read or used.
    func keys(_ logger: Logger?) throws -> TokenKeys {
        guard !isSecret else { return try TokenKeys(secretFile: file) }
        return try TokenKeys(
            path: file,
            logger: logger ?? Logger(label: "martlet.broker") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
