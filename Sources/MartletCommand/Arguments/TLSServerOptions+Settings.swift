import Martlet
import MartletSettings

extension TLSServerOptions {
    /// Reads what a server shows, of whatever kind it is.
    ///
    /// - Parameter folder: that of the file, which relative paths are relative to.
    init(_ node: SettingsNode, relativeTo folder: String) throws(SettingsError) {
        var table = try SettingsTable(node)
        let (certificate, key) = (try table.text("certificate-file"), try table.text("key-file"))
        let authorities = try table.text("client-ca-file").map { FilePath.resolved($0, in: folder) }
        try table.finish("the TLS of a listener")
        guard let certificate else { throw node.error("the key certificate-file is missing") }
        guard let key else { throw node.error("the key key-file is missing") }
        self.init(
            certificateChain: FilePath.resolved(certificate, in: folder),
            privateKey: FilePath.resolved(key, in: folder),
            clientAuthorities: authorities
        )
    }
}

extension SettingsTable {
    /// Reads the TLS of a server; `nil`: it has none.
    mutating func serverTLS(relativeTo folder: String) throws(SettingsError) -> TLSServerOptions? {
        try read("tls") { node throws(SettingsError) in try TLSServerOptions(node, relativeTo: folder) }
    }

    /// Reads where to listen, such as `127.0.0.1:8080`; `nil`: the key is not there.
    mutating func listenAddress() throws(SettingsError) -> (host: String, port: Int)? {
        guard let node = find("listen") else { return nil }
        let text = try node.text()
        // An address of IPv6 stands in brackets.
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port), colon > text.startIndex
        else { throw node.error("it is no address and port, such as 127.0.0.1:8080") }
        return (text[..<colon].trimmingPrefix("[").filter { $0 != "]" }, port)
    }
}
