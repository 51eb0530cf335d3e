// Tells of every call and stream that a server of ours has ended: which method, with which code.
// Shapes: headrace.api.v1.FlowService/ApplyFlow; of health and reflection their service; other: nobody's. The code is gRPC's
//   name of it, such as NOT_FOUND.
// Threads: gRPC's; what is told must not wait.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace grpc {
class ServerBuilder;
}

namespace headrace::api {

using CallTold = std::function<void(const std::string& method, const std::string& code)>;

// What is counted of "/headrace.api.v1.FlowService/ApplyFlow".
std::string CountedMethod(std::string_view method);
std::string CountedCode(int code);

// REQUIRES: `told` is not empty.
void AddMeter(grpc::ServerBuilder& builder, CallTold told);

}  // namespace headrace::api
