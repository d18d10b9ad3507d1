// Answers of flagd's own evaluation engine, over HTTP as the flagd server gives them: flagd_core FILE.
//
// Prints the port on loopback where it answers OFREP requests for the flags of FILE, and ends with its standard input.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/service/ofrep"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	"go.uber.org/zap/zapcore"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: flagd_core FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "flagd_core:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	engine, err := load(path)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /ofrep/v1/evaluate/flags/{key}", evaluate(engine))
	server := &http.Server{Handler: mux}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// load reads a flag file into an engine that logs warnings, such as a file against flagd's schema, to standard error.
func load(path string) (*evaluator.JSON, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	zap, err := logger.NewZapLogger(zapcore.WarnLevel, "console")
	if err != nil {
		return nil, err
	}
	log := logger.NewLogger(zap, true)
	flags, err := store.NewStore(log, []string{path})
	if err != nil {
		return nil, err
	}
	engine := evaluator.NewJSON(log, flags)
	return engine, engine.SetState(sync.DataSync{FlagData: string(content), Source: path})
}

// evaluate answers one OFREP request with the engine's answer or error.
func evaluate(engine evaluator.IResolver) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		key := request.PathValue("key")
		var asked struct {
			Context map[string]any `json:"context"`
		}
		body := http.MaxBytesReader(writer, request.Body, 1<<20)
		if err := json.NewDecoder(body).Decode(&asked); err != nil {
			reply(writer, http.StatusBadRequest, ofrep.ContextErrorResponseFrom(key))
			return
		}
		result := engine.ResolveAsAnyValue(request.Context(), "", key, asked.Context)
		if result.Error != nil {
			status, payload := ofrep.EvaluationErrorResponseFrom(result)
			reply(writer, status, payload)
			return
		}
		reply(writer, http.StatusOK, ofrep.SuccessResponseFrom(result))
	}
}

func reply(writer http.ResponseWriter, status int, payload any) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(status)
	if err := json.NewEncoder(writer).Encode(payload); err != nil {
		fmt.Fprintln(os.Stderr, "flagd_core:", err)
	}
}
