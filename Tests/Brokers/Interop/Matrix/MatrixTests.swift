import IntegrationSupport
import Martlet
import Testing

/// Martlet and commlib-py 0.13.2, as its users install it, do with each other whatever both can do, on every broker.
@Suite(.timeLimit(.minutes(10))) struct MatrixTests {
    private static let table = OutcomeTable(
        rows: Cell.Row.allCases.flatMap { row in Cell.Direction.allCases.map { "\(row.rawValue), \($0.rawValue)" } },
        columns: Broker.allCases.map(\.rawValue)
    )

    @Test(arguments: Cell.all) func cell(_ cell: Cell) async throws {
        var outcome = "FAILED"
        defer {
            let row = "\(cell.row.rawValue), \(cell.direction.rawValue)"
            Self.table.record(outcome, row: row, column: cell.broker.rawValue)
        }
        try await Stage.with(cell.broker) { stage in
            if let defect = cell.defect {
                // Two peers of commlib-py can't do it either. If they can one day, the entry of the defect is to go.
                let evidence = try await defect.witness(stage)
                try require(evidence != nil, "commlib-py can do it now, so that Martlet has to do it too")
                outcome = "- \(defect.mark)"
            } else {
                try await stage.play(cell)
                outcome = "yes"
            }
        }
    }
}

extension Stage {
    fileprivate func play(_ cell: Cell) async throws {
        switch (cell.row, cell.direction) {
        case (.publish, .swiftToPython): try await publishToPython()
        case (.publish, .pythonToSwift): try await subscribeToPython()
        case (.pattern, .swiftToPython): try await publishToPythonsPattern()
        case (.pattern, .pythonToSwift): try await subscribeByPattern()
        case (.call, .swiftToPython): try await callPython()
        case (.call, .pythonToSwift): try await serveToPython()
        case (.error, .swiftToPython): try await callFailingPython()
        case (.error, .pythonToSwift): try await failForPython()
        case (.parallel, .swiftToPython): try await callPythonInParallel()
        case (.parallel, .pythonToSwift): try await serveToPythonInParallel()
        case (.action, .swiftToPython): try await sendGoalToPython()
        case (.action, .pythonToSwift): try await performForPython()
        case (.cancel, .swiftToPython): try await cancelGoalOfPython()
        case (.cancel, .pythonToSwift): try await beCancelledByPython()
        case (.event, .swiftToPython): try await emitToPython()
        case (.event, .pythonToSwift): try await listenToPython()
        case (.heartbeat, .swiftToPython): try await beatForPython()
        case (.heartbeat, .pythonToSwift): try await hearPythonsHeart()
        case (.control, .swiftToPython): try await controlPython()
        case (.control, .pythonToSwift): try await beControlledByPython()
        }
    }
}
