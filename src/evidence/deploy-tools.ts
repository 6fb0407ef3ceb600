/**
 * Ways to activate a switch that are deploys, not calls (contract, 2.3 on 05.1): they wait for a pipeline, a cluster or
 * an approval, which is what the on-call engineer does not have on a Saturday morning. This list is published; what
 * stands here fails 05.1, and such a command is never taken for one that acts on this machine.
 */

interface DeployTool {
  /** As the report names it. */
  name: string;
  program: RegExp;
  /** Further words that must stand in the arguments, in this order. */
  words?: readonly string[];
  why: string;
}

const CLUSTER = "needs the cluster that may be down";
const PIPELINE = "waits for a pipeline and its approvals";
const ROLLOUT = "rolls out again instead of stopping";

export const DEPLOY_TOOLS: readonly DeployTool[] = [
  { name: "kubectl", program: /^(kubectl|oc|k3s|microk8s)$/, why: CLUSTER },
  { name: "helm", program: /^helm(file)?$/, why: CLUSTER },
  { name: "kustomize", program: /^kustomize$/, why: CLUSTER },
  { name: "argocd", program: /^(argocd|argo)$/, why: CLUSTER },
  { name: "flux", program: /^flux$/, why: CLUSTER },
  { name: "skaffold", program: /^(skaffold|tilt)$/, why: CLUSTER },
  { name: "nomad", program: /^(nomad|waypoint)$/, why: CLUSTER },
  { name: "terraform", program: /^(terraform|tofu|terragrunt)$/, why: ROLLOUT },
  { name: "pulumi", program: /^pulumi$/, why: ROLLOUT },
  { name: "ansible", program: /^ansible(-playbook)?$/, why: ROLLOUT },
  { name: "cdk", program: /^(cdk|sam|sls|serverless)$/, why: ROLLOUT },
  { name: "git push", program: /^git$/, words: ["push"], why: PIPELINE },
  { name: "gh workflow run", program: /^gh$/, words: ["workflow"], why: PIPELINE },
  { name: "gh run", program: /^gh$/, words: ["run"], why: PIPELINE },
  { name: "gh api", program: /^gh$/, words: ["api"], why: PIPELINE },
  { name: "gh pr", program: /^gh$/, words: ["pr"], why: PIPELINE },
  { name: "glab", program: /^glab$/, why: PIPELINE },
  { name: "circleci", program: /^circleci$/, why: PIPELINE },
  { name: "buildkite", program: /^(bk|buildkite-agent)$/, why: PIPELINE },
  { name: "docker deploy", program: /^docker$/, words: ["service"], why: ROLLOUT },
  { name: "docker stack", program: /^docker$/, words: ["stack"], why: ROLLOUT },
  { name: "aws ecs", program: /^aws$/, words: ["ecs"], why: ROLLOUT },
  { name: "aws deploy", program: /^aws$/, words: ["deploy"], why: ROLLOUT },
  { name: "aws lambda", program: /^aws$/, words: ["lambda"], why: ROLLOUT },
  { name: "aws cloudformation", program: /^aws$/, words: ["cloudformation"], why: ROLLOUT },
  { name: "aws codepipeline", program: /^aws$/, words: ["codepipeline"], why: PIPELINE },
  { name: "gcloud deploy", program: /^gcloud$/, words: ["deploy"], why: ROLLOUT },
  { name: "gcloud run", program: /^gcloud$/, words: ["run"], why: ROLLOUT },
  { name: "gcloud builds", program: /^gcloud$/, words: ["builds"], why: PIPELINE },
  { name: "az deployment", program: /^az$/, words: ["deployment"], why: ROLLOUT },
  { name: "az containerapp", program: /^az$/, words: ["containerapp"], why: ROLLOUT },
  { name: "az pipelines", program: /^az$/, words: ["pipelines"], why: PIPELINE },
  { name: "vercel", program: /^(vercel|netlify|wrangler)$/, why: ROLLOUT },
  { name: "fly deploy", program: /^(fly|flyctl)$/, words: ["deploy"], why: ROLLOUT },
  { name: "heroku releases", program: /^heroku$/, words: ["releases:rollback"], why: ROLLOUT },
  { name: "npm publish", program: /^(npm|pnpm|yarn)$/, words: ["publish"], why: PIPELINE },
  { name: "a deploy target", program: /^(make|just|task|rake|npm|pnpm|yarn)$/, words: ["deploy"], why: ROLLOUT },
];

/** Addresses whose call starts a pipeline or changes a cluster. */
export const DEPLOY_URLS: readonly { name: string; url: RegExp; why: string }[] = [
  {
    name: "a GitHub Actions dispatch",
    url: /\/repos\/[^/]+\/[^/]+\/(actions\/workflows\/[^/]+\/)?dispatches\b/,
    why: PIPELINE,
  },
  { name: "a GitHub deployment", url: /\/repos\/[^/]+\/[^/]+\/deployments\b/, why: PIPELINE },
  { name: "a GitLab pipeline", url: /\/api\/v4\/projects\/[^/]+\/(trigger\/pipeline|pipelines?\b)/, why: PIPELINE },
  { name: "a Jenkins job", url: /\/job\/.+\/build(WithParameters)?\b/, why: PIPELINE },
  { name: "a CircleCI pipeline", url: /circleci\.com\/api\/v2\/project\/.+\/pipeline/, why: PIPELINE },
  { name: "a Buildkite build", url: /api\.buildkite\.com\/.+\/builds\b/, why: PIPELINE },
  { name: "an Azure pipeline", url: /dev\.azure\.com\/.+\/_apis\/(pipelines|build)\b/, why: PIPELINE },
  { name: "a Bitbucket pipeline", url: /api\.bitbucket\.org\/.+\/pipelines\b/, why: PIPELINE },
  { name: "the Kubernetes API", url: /\/apis\/apps\/v1\/namespaces\//, why: CLUSTER },
  { name: "Argo CD", url: /\/api\/v1\/applications\/[^/]+\/(sync|rollback)\b/, why: CLUSTER },
];

/** Programs that only run what follows them. */
const WRAPPERS = /^(sudo|env|nice|time|timeout|npx|pnpx|bunx|xargs|nohup|stdbuf|direnv|doppler|op|aws-vault)$/;
const SHELLS = /^(sh|bash|zsh|dash|ksh|fish|pwsh)$/;

/** The deploy tool that a command runs, also behind wrappers and `sh -c`; null where it is none of the list. */
export function deployTool(argv: readonly string[]): string | null {
  const rest = [...argv];
  while (rest.length > 0) {
    const program = baseName(rest[0] ?? "");
    if (SHELLS.test(program)) return inShellText(rest.slice(1).join(" "));
    const tool = toolFor(program, rest.slice(1));
    if (tool !== null) return tool;
    const called = rest.slice(1).find((word) => word.includes("://") && deployUrl(word) !== null);
    // curl and its like: what matters is what they call.
    if (called !== undefined) return deployUrl(called);
    if (!WRAPPERS.test(program)) return null;
    rest.shift();
    // A wrapper's options, its NAME=VALUE pairs and times stand before what it runs.
    while (rest[0] !== undefined && /^(-|[A-Za-z_]\w*=|\d+[smh]?$|run$|exec$|--$)/.test(rest[0])) rest.shift();
  }
  return null;
}

function inShellText(text: string): string | null {
  for (const part of text.split(/[;&|()\n]+/)) {
    const words = part
      .trim()
      .split(/\s+/)
      .filter((word) => word !== "" && !word.startsWith("-"));
    const found = words.length > 0 ? deployTool(words) : null;
    if (found !== null) return found;
  }
  return null;
}

function toolFor(program: string, args: readonly string[]): string | null {
  const fits = ({ program: pattern, words = [] }: DeployTool): boolean => {
    if (!pattern.test(program)) return false;
    let from = 0;
    return words.every((word) => (from = args.indexOf(word, from) + 1) > 0);
  };
  return DEPLOY_TOOLS.find(fits)?.name ?? null;
}

const baseName = (program: string): string => program.replace(/^.*[\\/]/, "").replace(/\.(exe|cmd)$/i, "");

/** The pipeline or cluster that a URL drives; null where it is none of the list. */
export function deployUrl(url: string): string | null {
  return DEPLOY_URLS.find((entry) => entry.url.test(url))?.name ?? null;
}
