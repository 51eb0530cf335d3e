// Deploys a flow, starts it and follows it to its end: release FLOW.yaml [KEY=VALUE…]
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"headrace-client-example/api"
)

func fail(err error) {
	if told, ok := status.FromError(err); ok {
		fmt.Fprintln(os.Stderr, "error:", told.Message())
	} else {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	os.Exit(1)
}

func again(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded || code == codes.ResourceExhausted
}

// The connection, and a context that carries the token.
func connect() (*grpc.ClientConn, context.Context) {
	server := os.Getenv("HEADRACE_SERVER")
	if server == "" {
		server = "127.0.0.1:8082"
	}
	ctx := context.Background()
	ca := os.Getenv("HEADRACE_TLS_CA")
	option := grpc.WithInsecure()
	if ca != "" {
		trusted, err := credentials.NewClientTLSFromFile(ca, "")
		if err != nil {
			fail(err)
		}
		option = grpc.WithTransportCredentials(trusted)
		if token := os.Getenv("HEADRACE_TOKEN"); token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
		}
	}
	conn, err := grpc.Dial(server, option)
	if err != nil {
		fail(err)
	}
	return conn, ctx
}

// The same request id makes the same execution, however often it is sent.
func submit(ctx context.Context, client api.ExecutionServiceClient, request *api.SubmitExecutionRequest) (string, error) {
	for tries := 1; ; tries++ {
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		answer, err := client.SubmitExecution(limited, request)
		cancel()
		if err == nil {
			return answer.Id, nil
		}
		if tries == 5 || !again(err) {
			return "", err
		}
		time.Sleep(time.Duration(200<<tries) * time.Millisecond)
	}
}

// Prints what changes; a broken stream goes on where it was.
func follow(ctx context.Context, client api.ExecutionServiceClient, id string) (string, error) {
	var cursor uint64
	var state string
	var failed error
	for tries := 0; tries < 10; tries++ {
		stream, err := client.WatchExecution(ctx, &api.WatchExecutionRequest{Id: id, Cursor: cursor, UntilTerminal: true})
		for err == nil {
			var update *api.WatchExecutionResponse
			if update, err = stream.Recv(); err != nil {
				break
			}
			tries = 0
			for _, run := range update.Execution.TaskRuns {
				fmt.Printf("%-24s %s\n", run.TaskId, strings.TrimPrefix(run.State.Current.String(), "STATE_"))
			}
			state = strings.TrimPrefix(update.Execution.State.Current.String(), "STATE_")
			if update.Execution.Cursor != 0 {
				cursor = update.Execution.Cursor
			}
		}
		if err == io.EOF {
			return state, nil
		}
		if failed = err; !again(err) {
			return "", err
		}
		time.Sleep(time.Second)
	}
	return "", failed
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: release FLOW.yaml [KEY=VALUE…]")
		os.Exit(2)
	}
	source, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	inputs := map[string]string{}
	for _, pair := range os.Args[2:] {
		if at := strings.Index(pair, "="); at > 0 {
			inputs[pair[:at]] = pair[at+1:]
		}
	}
	inputsJSON, _ := json.Marshal(inputs)
	conn, ctx := connect()
	defer conn.Close()
	applied, err := api.NewFlowServiceClient(conn).ApplyFlow(ctx, &api.ApplyFlowRequest{Source: string(source), File: os.Args[1]})
	if err != nil {
		fail(err)
	}
	requestID := make([]byte, 16)
	if _, err := rand.Read(requestID); err != nil {
		fail(err)
	}
	client := api.NewExecutionServiceClient(conn)
	id, err := submit(ctx, client, &api.SubmitExecutionRequest{Namespace: applied.Flow.Namespace, FlowId: applied.Flow.Id,
		InputsJson: string(inputsJSON), RequestId: hex.EncodeToString(requestID)})
	if err != nil {
		fail(err)
	}
	fmt.Println("started", id)
	end, err := follow(ctx, client, id)
	if err != nil {
		fail(err)
	}
	fmt.Println(end)
	if end != "SUCCESS" && end != "WARNING" {
		os.Exit(10)
	}
}
