#include "worker/github/github_tasks.h"

#include "worker/github/matrix_task.h"

namespace headrace::worker {

std::vector<TaskType> GithubTasks() {
  const auto hub = std::make_shared<github::Hub>();
  std::vector<TaskType> all;
  for (const auto family : {&github::RefTasks, &github::RequestTasks, &github::RunTasks, &github::PullTasks, &github::MergeTasks,
                            &github::ReleaseTasks, &github::CheckTasks, &github::DeploymentTasks, &github::ArtifactTasks, &github::TokenTasks,
                            &github::SearchTasks, &github::IssueTasks, &github::ListingTasks, &github::CreatePullTasks, &github::ProjectTasks,
                            &github::MatrixTasks, &github::RunTriggers})
    for (TaskType& type : family(hub)) all.push_back(std::move(type));
  return all;
}

}  // namespace headrace::worker
