// The requests about executions as the engine takes them, and the streams of the execution service over the engine of their caller.
// Errors: INVALID_ARGUMENT names the request's field.
// Threads: FromProto is pure; streams as in stream.h.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <string>

#include "api/serving.h"
#include "headrace/api/v1/execution_service.pb.h"

namespace headrace::api {

inline constexpr int kBatchMax = 1000;  // submissions, or executions to purge
inline constexpr int kStreamWindow = 1024;
inline constexpr std::size_t kRequestIdBytes = 200;
inline constexpr std::size_t kMessageBytesMax = 4u << 20;  // of one message; larger executions travel in parts

Result<scheduler::SubmitRequest> FromProto(const v1::SubmitExecutionRequest& request);
void ToProto(const Result<scheduler::SubmitReply>& reply, v1::SubmitResult* out);
v1::SubmitExecutionResponse ToProto(const scheduler::SubmitReply& reply);

Result<scheduler::ResumeRequest> FromProto(const v1::ResumeExecutionRequest& request);
Result<scheduler::ReplayRequest> FromProto(const v1::ReplayExecutionRequest& request);
Result<model::Admission> FromProto(const v1::UnqueueExecutionRequest& request);
Result<std::vector<model::Label>> LabelsOf(const google::protobuf::RepeatedPtrField<v1::Label>& labels);

Result<store::ExecutionQuery> FromProto(const v1::CountExecutionsRequest& request);
Result<std::vector<ExecutionId>> IdsOf(const google::protobuf::RepeatedPtrField<std::string>& ids, std::string_view field);
Result<store::LogPurge> FromProto(const v1::PurgeLogsRequest& request);
// `filter` gets a text that is the same for the same question.
Result<store::ExecutionQuery> FromProto(const v1::ListExecutionsRequest& request, std::string* filter);

grpc::ServerWriteReactor<v1::WatchExecutionResponse>* OpenWatch(Serving& serving, std::shared_ptr<scheduler::Engine> engine,
                                                                const v1::WatchExecutionRequest& request);
grpc::ServerWriteReactor<v1::FollowLogsResponse>* OpenLogs(Serving& serving, std::shared_ptr<scheduler::Engine> engine, const v1::FollowLogsRequest& request);
grpc::ServerBidiReactor<v1::StreamSubmitExecutionsRequest, v1::StreamSubmitExecutionsResponse>* OpenSubmits(
    Serving& serving, std::shared_ptr<scheduler::Engine> engine);

}  // namespace headrace::api
