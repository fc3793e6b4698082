import MartletBrokers

/// Keeps the passwords of URLs out of what is printed.
enum Secrets {
    /// A text without the secrets of the URLs among some arguments, which the text may quote.
    static func removed(from text: String, in arguments: [String]) -> String {
        var result = text
        for argument in arguments {
            // As a value of an option, too: `--name=mqtt://…`.
            let url = argument.hasPrefix("-") ? String(argument.drop { $0 != "=" }.dropFirst()) : argument
            guard url.contains("://") else { continue }
            let shown = BrokerAddress(url)?.description ?? String(url.prefix { $0 != ":" }) + "://…"
            result.replace(url, with: shown)
        }
        return result
    }
}
