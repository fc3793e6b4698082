// The limit on PostgreSQL: libpq on blocking sockets.
#include "peer.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 1000

static struct task task;
static uint64_t *latencies;
static long next_select;
static int is_prepared;

static PGconn *open_database(void) {
    char text[256];
    snprintf(text, sizeof text, "host=127.0.0.1 port=%d user=martlet password='open sesame' dbname=postgres", task.port);
    PGconn *connection = PQconnectdb(text);
    if (PQstatus(connection) != CONNECTION_OK) fail("connect");
    return connection;
}

static void execute(PGconn *connection, const char *text) {
    PGresult *result = PQexec(connection, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(text);
    PQclear(result);
}

static void prepare(PGconn *connection) {
    execute(connection, "SET client_min_messages = warning");
    execute(connection, "CREATE TABLE IF NOT EXISTS bench_users (id INT PRIMARY KEY, name TEXT NOT NULL)");
    execute(connection, "INSERT INTO bench_users SELECT n, 'user ' || n FROM generate_series(0, 999) AS n "
                        "ON CONFLICT DO NOTHING");
}

#define SELECT "SELECT id, name FROM bench_users WHERE id = $1"

static void prepare_select(PGconn *connection) {
    PGresult *result = PQprepare(connection, "select", SELECT, 1, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail("to prepare");
    PQclear(result);
}

/// One row, as two values of the program's own.
static void select_one(PGconn *connection, long number) {
    char id[16];
    const char *values[] = {id};
    snprintf(id, sizeof id, "%ld", number % ROWS);
    PGresult *result = is_prepared ? PQexecPrepared(connection, "select", 1, values, NULL, NULL, 0)
                                   : PQexecParams(connection, SELECT, 1, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) fail("a select");
    char *name = strdup(PQgetvalue(result, 0, 1));
    if (atol(PQgetvalue(result, 0, 0)) != number % ROWS || !name) fail("another row");
    free(name);
    PQclear(result);
}

/// Whoever waits has a connection to itself: it takes selects until none are left.
static void *run_selects(void *_nothing) {
    PGconn *connection = open_database();
    if (is_prepared) prepare_select(connection);
    for (;;) {
        long number = __sync_fetch_and_add(&next_select, 1);
        if (number >= task.count) break;
        uint64_t start = now();
        select_one(connection, number);
        latencies[number] = now() - start;
    }
    PQfinish(connection);
    return NULL;
}

/// Two tasks of Martlet's share a session; here each connection has a thread.
static void run_threads(long number) {
    pthread_t *threads = calloc((size_t)number, sizeof *threads);
    for (long thread = 0; thread < number; thread++) pthread_create(threads + thread, NULL, run_selects, NULL);
    for (long thread = 0; thread < number; thread++) pthread_join(threads[thread], NULL);
    free(threads);
}

int main(int count, char **arguments) {
    task = read_task(count, arguments);
    is_prepared = is(&task, "select");
    if (!is_prepared && !is(&task, "select-as-text")) fail("an unknown workload");
    PGconn *connection = open_database();
    prepare(connection);
    PQfinish(connection);
    latencies = calloc((size_t)task.count, sizeof *latencies);
    uint64_t start = now();
    if (task.window == 1) run_selects(NULL);
    else run_threads(task.window / 2);
    report(&task, now() - start, latencies);
    return 0;
}
