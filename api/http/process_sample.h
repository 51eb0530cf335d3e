// What the kernel says of this process.
// Units: seconds since the epoch, seconds of CPU, bytes. Threads: any. Source: /proc/self.
#pragma once

namespace headrace::api::http {

struct ProcessSample {
  double cpu_seconds = 0;
  double start_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double threads = 0;
  double fds = 0;
  double fds_max = 0;
};

ProcessSample SampleProcess();

}  // namespace headrace::api::http
