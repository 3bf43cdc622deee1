// Command mongo-server is a MongoDB-compatible server for tests: FerretDB with its SQLite handler, embedded.
// It serves where no mongod is installed; nothing but tests uses it.
//
//	mongo-server 127.0.0.1:0 /path/to/data
//
// The data directory is made if absent and kept on exit; port 0 picks a free one. The server's URI goes to
// standard output once the server listens. SIGTERM and SIGINT end it with status 0.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
	_ "modernc.org/sqlite"
)

// FerretDB makes its index of _ids on ->"_id" and asks by ->'$._id', so that SQLite has to look at each document to find
// one. The index that it asks by is made beside its own, for all collections that are there now.
func indexIDs(ctx context.Context, file string) error {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `SELECT name FROM sqlite_master t WHERE type = 'table' AND name NOT LIKE '\_%' ESCAPE '\'
		AND NOT EXISTS (SELECT 1 FROM sqlite_master i WHERE i.name = t.name || '_asked')`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var makes []string
	for rows.Next() {
		var table string
		if err = rows.Scan(&table); err != nil {
			return err
		}
		table = strings.ReplaceAll(table, `"`, `""`)
		makes = append(makes, fmt.Sprintf(`CREATE INDEX IF NOT EXISTS "%[1]s_asked" ON "%[1]s" (_ferretdb_sjson->'$._id')`, table))
	}
	if err = rows.Err(); err != nil {
		return err
	}
	rows.Close()
	for _, make := range makes {
		if _, e := db.ExecContext(ctx, make); e != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Looks for new collections now and then. One that goes in the middle of it is no fault.
func indexAll(ctx context.Context, path string) {
	ticker := time.NewTicker(300 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		files, _ := filepath.Glob(filepath.Join(path, "*.sqlite"))
		for _, file := range files {
			if err := indexIDs(ctx, file); err != nil && ctx.Err() == nil {
				slog.Warn("no index of _ids", "file", file, "error", err)
			}
		}
	}
}

func run(address, dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err = os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: address},
		Handler:  "sqlite",
		// Each commit is in the log before it is answered, so it survives a kill of the server. That it would survive
		// a power cut as well is not what tests ask for, and would cost a flush of the disk for each command.
		SQLiteURL: "file:" + path + "/?_pragma=synchronous(normal)",
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	fmt.Println(server.MongoDBURI())
	go indexAll(ctx, path)
	return server.Run(ctx)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: mongo-server HOST:PORT DATA-DIRECTORY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "mongo-server: %v\n", err)
		os.Exit(1)
	}
}
