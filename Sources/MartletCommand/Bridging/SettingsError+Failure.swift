import Martlet
import MartletSettings

extension SettingsError {
    /// What the command says about it.
    ///
    /// - Parameters:
    ///   - file: `nil`: the command line said it all.
    ///   - article: where its keys are told.
    func failure(in file: String?, article: String = "The documentation's article on bridges") -> Failure {
        guard let file else { return Failure(.usage, message) }
        if isUnreadable { return Failure(.noInput, "\(quoted(file)): \(message)") }
        return Failure(
            .usage,
            "\(from(file))",
            advice: "\(article) has a table of all keys."
        )
    }
}
