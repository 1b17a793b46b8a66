package redact

import (
	"bytes"
	"encoding/base64"
	"hash/crc32"
	"math/big"
)

// A format is a published shape of tokens. The table of formats is what the
// matcher, the tests and docs/redaction.md are made from; the comment above an
// entry names where its vendor (or, for formats that the vendor never wrote
// down, a public list of them) describes it.
//
// A token need not be whole: what begins with a distinctive prefix and goes on
// at random for 12 characters is replaced too, because logs cut tokens off. For
// the same reason a wrong checksum does not save a token that stands alone; a
// right one finds it in the middle of other characters.
type format struct {
	name  string // "github token", as in [redacted github token]
	specs []string
	check func(token []byte) bool // what the shape cannot say: more than a checksum
	sum   func(token []byte) bool // checksum, nil if the format has none
	keep  int                     // bytes at the start that are no secret, such as a host name
	whole bool                    // the prefix is too common to tell a cut-off token by it
	embed bool                    // may follow a letter or digit directly
}

var formats = []format{
	// https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
	{name: "github token", specs: []string{`ghp_\a{36}`, `gho_\a{36}`, `ghu_\a{36}`, `ghs_\a{36}`, `ghr_\a{36,76}`}, sum: githubSum},
	// https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens
	{name: "github fine-grained token", specs: []string{`github_pat_\a{22}_\a{59}`}},
	// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
	{name: "github installation token", specs: []string{`v1.\h{40}`}},
	// https://docs.gitlab.com/security/tokens/#token-prefixes
	{name: "gitlab token", specs: []string{`glpat-\x{20,300}`}},
	{name: "gitlab deploy token", specs: []string{`gldt-\t{20,}`}},
	{name: "gitlab runner token", specs: []string{`glrt-\x{20,300}`, `glrtr-\x{20,300}`, `GR1348941\t{20}`}},
	{name: "gitlab oauth secret", specs: []string{`gloas-\t{64}`}},
	{name: "gitlab job token", specs: []string{`glcbt-\a{1,5}_\t{20}`}},
	{name: "gitlab trigger token", specs: []string{`glptt-\h{40}`}},
	{name: "gitlab agent token", specs: []string{`glagent-\t{50}`}},
	{name: "gitlab feed token", specs: []string{`glft-\t{20,}`}},
	{name: "gitlab mail token", specs: []string{`glimt-\t{25}`}},
	{name: "gitlab scim token", specs: []string{`glsoat-\t{20,}`}},
	{name: "gitlab feature flag token", specs: []string{`glffct-\t{20}`}},
	// https://support.atlassian.com/bitbucket-cloud/docs/using-access-tokens/
	{name: "bitbucket token", specs: []string{`ATCTT3xFfG\x{60,}`, `ATBB\a{32}`}},
	// https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/
	{name: "atlassian token", specs: []string{`ATATT3xFfGF0\x{60,}`, `ATSTT3xFfGF0\x{60,}`}},

	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
	{name: "aws key id", specs: []string{`AKIA\z{16}`, `ASIA\z{16}`, `ABIA\z{16}`, `ACCA\z{16}`}, check: mixedCaps},
	// https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
	{name: "aws bedrock key", specs: []string{`ABSK\b{109,269}`, `bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t\b{20,}`}},
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html
	{name: "aws session token", specs: []string{`IQoJb3JpZ2luX2Vj\p{60,}`, `FwoGZXIvYXdz\p{60,}`, `FQoGZXIvYXdz\p{60,}`}},
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
	{name: "aws registry token", specs: []string{`eyJwYXlsb2FkIjoi\b{100,}`}},
	// https://cloud.google.com/docs/authentication/api-keys
	{name: "google api key", specs: []string{`AIza\t{35}`}},
	// https://developers.google.com/identity/protocols/oauth2
	{name: "google oauth token", specs: []string{`ya29.\x{20,}`, `1//0\t{40,}`}},
	{name: "google oauth secret", specs: []string{`GOCSPX-\t{28}`}},
	// https://learn.microsoft.com/en-us/entra/identity-platform/app-objects-and-service-principals
	{name: "azure client secret", specs: []string{`\p{3}\dQ~\p{31,34}`}, check: mixed},
	// https://learn.microsoft.com/en-us/azure/storage/common/storage-account-keys-manage
	{name: "azure storage key", specs: []string{`\b{76}+ASt\b{6}==`}},
	{name: "azure service key", specs: []string{`\b{33}AzCa\b{2,5}=`, `\b{33}+AEh\b{2,5}=`, `\b{33}+ASb\b{2,5}=`, `\b{42}AzSe\b{4,10}`, `\b{44}AzFu\b{4,10}==`, `\b{42}+ACR\b{4,10}`, `\b{32}ACDb\b{40,60}==`, `\b{76}ACDb\b{6}==`}},
	// https://learn.microsoft.com/en-us/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate
	{name: "azure devops token", specs: []string{`\a{76}AZDO\a{4}`}},
	// https://learn.microsoft.com/en-us/azure/ai-services/authentication
	{name: "azure ai key", specs: []string{`\a{52}JQQJ99\a{26}`, `\a{76}ACOG\a{4}`}},
	// https://www.alibabacloud.com/help/en/ram/user-guide/create-an-accesskey-pair
	{name: "alibaba key id", specs: []string{`LTAI\a{17,21}`}, check: mixed},
	// https://cloud.tencent.com/document/product/598/40488
	{name: "tencent key id", specs: []string{`AKID\a{32}`}, check: mixed},
	// https://yandex.cloud/en/docs/iam/concepts/authorization/api-key
	{name: "yandex cloud key", specs: []string{`AQVN\t{35,38}`, `YCAJE\t{20}`, `t1.\t{20,}.\t{86}`}},
	// https://yandex.cloud/en/docs/iam/concepts/authorization/oauth-token
	{name: "yandex oauth token", specs: []string{`y0_\t{50,}`, `y1_\t{50,}`}, check: mixed},
	// https://cloud.ibm.com/docs/account?topic=account-manapikey
	{name: "ibm cloud key", whole: true, specs: []string{`ApiKey-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`}},
	// https://www.scaleway.com/en/docs/iam/how-to/create-api-keys/
	{name: "scaleway key id", specs: []string{`SCW\u{17}`}, check: mixedCaps},
	// https://docs.digitalocean.com/reference/api/create-personal-access-token/
	{name: "digitalocean token", specs: []string{`dop_v1_\h{64}`, `doo_v1_\h{64}`, `dor_v1_\h{64}`}},
	// https://docs.digitalocean.com/products/spaces/how-to/manage-access/
	{name: "digitalocean spaces key id", specs: []string{`DO00\u{16}`}, check: mixedCaps},
	// https://devcenter.heroku.com/articles/authentication
	{name: "heroku key", specs: []string{`HRKU-\t{36,70}`}},
	// https://developers.cloudflare.com/fundamentals/api/get-started/ca-keys/
	{name: "cloudflare origin key", specs: []string{`v1.0-\h{24}-\h{146}`}},
	// https://developers.cloudflare.com/fundamentals/api/get-started/create-token/
	{name: "cloudflare token", specs: []string{`cfut_\t{40,}`, `cfat_\t{40,}`, `cfk_\t{40,}`}},
	// https://fly.io/docs/security/tokens/
	{name: "fly.io token", specs: []string{`fo1_\t{43}`, `fm1r_\b{100,}`, `fm1a_\b{100,}`, `fm2_\b{100,}`, `FlyV1 fm2_\b{60,}`}},
	// https://render.com/docs/api#1-create-an-api-key
	{name: "render key", specs: []string{`rnd_\a{28,32}`}},
	// https://vercel.com/docs/rest-api
	{name: "vercel token", specs: []string{`vcp_\a{24,60}`, `vck_\a{24,60}`, `vci_\a{24,60}`, `vca_\a{24,60}`, `vercel_blob_rw_\w{30,}`}, check: mixed},
	// https://docs.netlify.com/api/get-started/
	{name: "netlify token", specs: []string{`nfp_\a{36}`, `nfo_\a{36}`, `nfc_\a{36}`, `nfu_\a{36}`}},
	// https://www.pulumi.com/docs/pulumi-cloud/access-management/access-tokens/
	{name: "pulumi token", whole: true, specs: []string{`pul-\h{40}`}},
	// https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens
	{name: "terraform token", specs: []string{`\a{14}.atlasv1.\x{60,70}`}},
	// https://developer.hashicorp.com/vault/docs/concepts/tokens
	{name: "vault token", specs: []string{`hvs.\t{24,}`, `hvb.\t{100,}`, `hvr.\t{24,}`}},
	{name: "vault token", specs: []string{`s.\a{24}`, `b.\a{90,}`}, check: randomTail},
	// https://docs.scalr.io/docs/service-accounts
	{name: "scalr token", whole: true, specs: []string{`at-\l{15}.\a{30,}`}},
	// https://docs.doppler.com/reference/auth-token-formats
	{name: "doppler token", specs: []string{`dp.pt.\a{40,44}`, `dp.st.\x{40,}`, `dp.ct.\a{40,44}`, `dp.sa.\a{40,44}`, `dp.scim.\a{40,44}`, `dp.audit.\a{40,44}`}},
	// https://developer.1password.com/docs/service-accounts/
	{name: "1password token", specs: []string{`ops_eyJ\b{100,}`}},
	// https://support.1password.com/secret-key-security/
	{name: "1password secret key", specs: []string{`A3-\u{6}-\u{11}-\u{5}-\u{5}-\u{5}`, `A3-\u{6}-\u{6}-\u{5}-\u{5}-\u{5}-\u{5}`}},
	// https://infisical.com/docs/documentation/platform/token
	{name: "infisical token", specs: []string{`st.\h{8}-\h{4}-\h{4}-\h{4}-\h{12}.\h{32}.\h{32}`, `st.\h{24}.\h{32}.\h{32}`}},

	// https://platform.openai.com/docs/api-reference/authentication
	{name: "openai key", specs: []string{`sk-proj-\t{40,}`, `sk-svcacct-\t{40,}`, `sk-admin-\t{40,}`, `sk-None-\t{40,}`, `sk-\a{20}T3BlbkFJ\a{20}`}},
	// https://docs.anthropic.com/en/api/getting-started
	{name: "anthropic key", specs: []string{`sk-ant-api03-\t{80,}`, `sk-ant-admin01-\t{80,}`, `sk-ant-oat01-\t{80,}`, `sk-ant-ort01-\t{80,}`, `sk-ant-sid01-\t{80,}`, `sk-ant-\t{20,}`}},
	// https://openrouter.ai/docs/api-reference/authentication
	{name: "openrouter key", specs: []string{`sk-or-v1-\h{64}`}},
	// https://api-docs.deepseek.com/ (also Moonshot, Qwen, LiteLLM and other makers of the same shape)
	{name: "model api key", specs: []string{`sk-\h{32}`, `sk-\a{22}`, `sk-\a{32,}`, `sk-lf-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`, `sk-\t{40,}`}, check: randomTail},
	// https://huggingface.co/docs/hub/security-tokens
	{name: "huggingface token", specs: []string{`hf_\a{34,40}`, `api_org_\a{34}`}},
	// https://docs.perplexity.ai/guides/getting-started
	{name: "perplexity key", specs: []string{`pplx-\a{40,}`}},
	// https://console.groq.com/docs/quickstart
	{name: "groq key", specs: []string{`gsk_\a{48,56}`}},
	// https://docs.x.ai/docs/overview
	{name: "xai key", specs: []string{`xai-\t{70,90}`}},
	// https://replicate.com/docs/reference/http#authentication
	{name: "replicate token", specs: []string{`r8_\a{37,40}`}},
	// https://docs.fireworks.ai/getting-started/quickstart
	{name: "fireworks key", specs: []string{`fw_\a{22,30}`}, check: mixed},
	// https://inference-docs.cerebras.ai/quickstart
	{name: "cerebras key", specs: []string{`csk-\l{48}`}},
	// https://build.nvidia.com/
	{name: "nvidia key", specs: []string{`nvapi-\t{60,70}`}},
	// https://docs.langchain.com/langsmith/create-account-api-key
	{name: "langsmith key", specs: []string{`lsv2_pt_\h{32}_\h{10}`, `lsv2_sk_\h{32}_\h{10}`, `ls__\h{32}`}},
	// https://elevenlabs.io/docs/api-reference/authentication
	{name: "elevenlabs key", specs: []string{`sk_\h{48}`}},
	// https://docs.pinecone.io/guides/projects/manage-api-keys
	{name: "pinecone key", specs: []string{`pcsk_\w{60,80}`}},
	// https://docs.tavily.com/documentation/quickstart
	{name: "tavily key", specs: []string{`tvly-\t{28,50}`}},
	// https://docs.firecrawl.dev/introduction
	{name: "firecrawl key", specs: []string{`fc-\h{32}`}},
	// https://docs.voyageai.com/docs/api-key-and-installation
	{name: "voyage key", whole: true, specs: []string{`pa-\t{43}`, `al-\t{43}`}, check: randomTail},
	// https://jina.ai/reader/
	{name: "jina key", specs: []string{`jina_\t{60}`}},
	// https://docs.wandb.ai/guides/track/environment-variables/
	{name: "wandb key", specs: []string{`wandb_v1_\t{40,}`}},
	// https://github.com/fernet/spec/blob/master/Spec.md
	{name: "fernet token", specs: []string{`gAAAAA\t{80,}`}},

	// https://core.telegram.org/bots/api#authorizing-your-bot
	{name: "telegram token", specs: []string{`\d{6,12}:AA\t{32,34}`, `\d{8,10}%3AAA\t{32,34}`}, embed: true},
	// https://docs.slack.dev/authentication/tokens
	{name: "slack token", specs: []string{`xoxb-\d{8,14}-\t{18,}`, `xoxp-\d{8,14}-\t{18,}`, `xoxa-\t{20,}`, `xoxr-\t{20,}`, `xoxs-\t{20,}`, `xoxo-\t{20,}`, `xoxc-\t{20,}`, `xoxd-\p{20,}`}},
	{name: "slack app token", specs: []string{`xapp-\d-\u{8,}-\d{8,}-\l{32,}`}},
	{name: "slack refresh token", specs: []string{`xoxe-\d-\a{100,}`, `xoxe.xoxp-\d-\a{100,}`, `xoxe.xoxb-\d-\a{100,}`}},
	// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
	{name: "slack webhook", specs: []string{`hooks.slack.com/services/T\u{6,12}/B\u{6,12}/\a{16,}`, `hooks.slack.com/workflows/T\u{6,12}/A\u{6,12}/\d{8,}/\a{16,}`, `hooks.slack.com/triggers/T\u{6,12}/\d{8,}/\a{16,}`, `hooks.slack-gov.com/services/T\u{6,12}/B\u{6,12}/\a{16,}`}, keep: len("hooks.slack.com/")},
	// https://discord.com/developers/docs/reference#authentication
	{name: "discord token", specs: discordSpecs(), check: discordID},
	{name: "discord mfa token", specs: []string{`mfa.\t{80,90}`}},
	// https://discord.com/developers/docs/resources/webhook
	{name: "discord webhook", specs: []string{`/api/webhooks/\d{15,20}/\t{60,}`}, keep: len("/api/webhooks/"), embed: true},
	// https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
	{name: "teams webhook", specs: []string{`.webhook.office.com/webhookb2/\p{20,}@\p{20,}`}, keep: len(".webhook.office.com/")},
	// https://www.twilio.com/docs/iam/api-keys
	{name: "twilio key", specs: []string{`SK\h{32}`}},
	// https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys
	{name: "sendgrid key", specs: []string{`SG.\t{22}.\t{43}`}},
	// https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/
	{name: "mailgun key", whole: true, specs: []string{`key-\h{32}`}},
	// https://mailchimp.com/developer/marketing/guides/quick-start/
	{name: "mailchimp key", specs: []string{`\h{32}-us\d{1,2}`}},
	// https://developers.brevo.com/docs/getting-started
	{name: "brevo key", specs: []string{`xkeysib-\h{64}-\a{16}`, `xsmtpsib-\h{64}-\a{16}`}},
	// https://resend.com/docs/api-reference/introduction
	{name: "resend key", specs: []string{`re_\a{8}_\a{20,30}`}},
	// https://developers.mailersend.com/general.html#authentication
	{name: "mailersend key", specs: []string{`mlsn.\h{64}`}},
	// https://matrix.org/docs/guides/client-server-api
	{name: "matrix token", specs: []string{`syt_\b{4,}_\a{20}_\a{6}`, `mat_\a{24,}_\a{6}`, `mct_\a{24,}_\a{6}`}},
	// https://developers.facebook.com/docs/facebook-login/guides/access-tokens/
	{name: "facebook token", specs: []string{`EAAC\a{60,}`, `EAAM\a{60,}`, `EAAB\a{60,}`, `EAAG\a{60,}`, `EAAJ\a{60,}`, `EAAE\a{60,}`, `EAAF\a{60,}`}},
	{name: "facebook app token", whole: true, specs: []string{`\d{15}|\t{27}`, `\d{16}|\t{27}`}, check: mixed},
	// https://developers.facebook.com/docs/instagram-platform
	{name: "instagram token", specs: []string{`IGQV\t{80,}`, `IGAA\t{80,}`}},
	// https://docs.x.com/fundamentals/authentication/oauth-2-0/application-only
	{name: "twitter bearer token", specs: []string{`AAAAAAAAAAAAAAAAAAAAA\p{40,}`}},
	// https://learn.microsoft.com/en-us/linkedin/shared/authentication/authentication
	{name: "linkedin secret", specs: []string{`WPL_AP1.\a{16}.\b{4,8}`}},
	// https://developers.pinterest.com/docs/getting-started/authentication/
	{name: "pinterest token", specs: []string{`pina_\u{32,}`}},

	// https://docs.stripe.com/keys
	{name: "stripe key", specs: []string{`sk_live_\a{16,}`, `sk_test_\a{16,}`, `rk_live_\a{16,}`, `rk_test_\a{16,}`, `sk_prod_\a{16,}`, `sk_org_\w{16,}`}},
	// https://docs.stripe.com/webhooks#verify-official-libraries
	{name: "webhook secret", specs: []string{`whsec_\b{24,}`}},
	// https://developer.squareup.com/docs/build-basics/access-tokens
	{name: "square token", specs: []string{`sq0atp-\t{22}`, `sq0csp-\t{43}`, `EAAA\t{60}`, `EAAAE\t{55,60}`}},
	// https://developer.paypal.com/braintree/docs/guides/credentials
	{name: "braintree token", specs: []string{`access_token$production$\l{16}$\h{32}`, `access_token$sandbox$\l{16}$\h{32}`}},
	// https://plaid.com/docs/api/tokens/
	{name: "plaid token", whole: true, specs: []string{`access-sandbox-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`, `access-production-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`, `access-development-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`}},
	// https://shopify.dev/docs/apps/build/authentication-authorization
	{name: "shopify token", specs: []string{`shpat_\H{32}`, `shpca_\H{32}`, `shppa_\H{32}`, `shpss_\H{32}`, `shpua_\H{32}`, `shptka_\H{32}`}},
	// https://developer.flutterwave.com/docs/authentication
	{name: "flutterwave key", specs: []string{`FLWSECK_TEST-\l{12,}`, `FLWSECK-\l{32}-X`}},
	// https://razorpay.com/docs/api/authentication/
	{name: "razorpay key", specs: []string{`rzp_live_\a{14}`, `rzp_test_\a{14}`}},
	// https://docs.adyen.com/development-resources/api-credentials/
	{name: "adyen key", specs: []string{`AQE\b{45,}-\p{24,}`}},
	// https://docs.gocardless.com/
	{name: "gocardless token", whole: true, specs: []string{`live_\t{40}`, `sandbox_\t{40}`}},
	// https://docs.easypost.com/docs/authentication
	{name: "easypost key", specs: []string{`EZAK\a{54}`, `EZTK\a{54}`}},
	// https://docs.goshippo.com/docs/guides_general/authentication/
	{name: "shippo token", specs: []string{`shippo_live_\H{40}`, `shippo_test_\H{40}`}},
	// https://duffel.com/docs/api/overview/welcome
	{name: "duffel token", specs: []string{`duffel_test_\t{43}`, `duffel_live_\t{43}`}},
	// https://docs.lob.com/#section/Authentication
	{name: "lob key", whole: true, specs: []string{`live_\h{35}`, `test_\h{35}`}},

	// https://docs.npmjs.com/about-access-tokens
	{name: "npm token", specs: []string{`npm_\a{36}`}, sum: npmSum},
	// https://pypi.org/help/#apitoken
	{name: "pypi token", specs: []string{`pypi-AgEIcHlwaS5vcmc\t{50,}`, `pypi-AgENdGVzdC5weXBpLm9yZw\t{50,}`}},
	// https://guides.rubygems.org/api-key-scopes/
	{name: "rubygems key", specs: []string{`rubygems_\h{48}`}},
	// https://crates.io/data-access
	{name: "crates.io token", specs: []string{`cio\a{32}`}, check: mixed},
	// https://learn.microsoft.com/en-us/nuget/nuget-org/publish-a-package
	{name: "nuget key", specs: []string{`oy2\l{43}`}, check: mixed},
	// https://docs.docker.com/security/access-tokens/
	{name: "docker hub token", specs: []string{`dckr_pat_\t{27}`, `dckr_oat_\t{32}`}},
	// https://github.com/clojars/clojars-web/wiki/Deploy-Tokens
	{name: "clojars token", specs: []string{`CLOJARS_\h{60}`}},
	// https://jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens
	{name: "artifactory key", specs: []string{`AKCp\a{60,}`, `cmVmdGtuO\a{50,}`}},
	// https://docs.readme.com/main/docs/api-keys
	{name: "readme key", specs: []string{`rdme_\l{70}`}},
	// https://learning.postman.com/docs/developer/postman-api/authentication/
	{name: "postman key", specs: []string{`PMAK-\h{24}-\h{34}`, `PMAT-\u{26}`}},
	// https://octopus.com/docs/octopus-rest-api/how-to-create-an-api-key
	{name: "octopus key", specs: []string{`API-\u{25,32}`}, check: mixedCaps},
	// https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens/
	{name: "sonarqube token", specs: []string{`squ_\h{40}`, `sqp_\h{40}`, `sqa_\h{40}`}},
	// https://sourcegraph.com/docs/cli/how-tos/creating_an_access_token
	{name: "sourcegraph token", specs: []string{`sgp_\H{16}_\H{40}`, `sgp_local_\H{40}`, `sgp_\H{40}`, `sgd_\h{64}_\h{64}`}},
	// https://docs.snyk.io/snyk-api/authentication-for-api
	{name: "snyk token", specs: []string{`snyk_uat.\h{8}.\x{20,}`, `snyk_sat.\h{8}.\x{20,}`}},
	// https://buildkite.com/docs/apis/managing-api-tokens
	{name: "buildkite token", specs: []string{`bkua_\h{40}`, `bkct_\a{40,}`}},
	// https://circleci.com/docs/managing-api-tokens/
	{name: "circleci token", specs: []string{`CCIPAT_\a{22}_\h{40}`, `CCIPRJ_\a{22}_\h{40}`}},
	// https://developer.harness.io/docs/platform/automation/api/add-and-manage-api-keys/
	{name: "harness token", whole: true, specs: []string{`pat.\t{22}.\a{24}.\a{20}`, `sat.\t{22}.\a{24}.\a{20}`}},
	// https://depot.dev/docs/cli/authentication
	{name: "depot token", specs: []string{`depot_project_\h{64}`, `depot_org_\h{64}`}},
	// https://docs.prefect.io/
	{name: "prefect key", specs: []string{`pnu_\a{36}`, `pnb_\a{36}`}},
	// https://developers.scalingo.com/
	{name: "scalingo token", specs: []string{`tk-us-\t{48}`}},
	// https://www.infracost.io/docs/
	{name: "infracost key", specs: []string{`ico-\a{32}`}},
	// https://docs.databricks.com/en/dev-tools/auth/pat.html
	{name: "databricks token", specs: []string{`dapi\h{32}`, `dkea\h{32}`, `dose\h{32}`}},
	// https://docs.getdbt.com/docs/dbt-cloud-apis/authentication
	{name: "dbt token", specs: []string{`dbtc_\t{30,}`, `dbtu_\t{30,}`}},
	// https://planetscale.com/docs/concepts/service-tokens
	{name: "planetscale token", specs: []string{`pscale_tkn_\x{32,64}`, `pscale_oauth_\x{32,64}`, `pscale_pw_\x{32,64}`}},
	// https://supabase.com/docs/guides/api/api-keys
	{name: "supabase key", specs: []string{`sbp_\h{40}`, `sb_secret_\t{30,}`}},
	// https://neon.tech/docs/manage/api-keys
	{name: "neon key", specs: []string{`napi_\l{64}`, `npg_\a{12,}`}},
	// https://clickhouse.com/docs/cloud/manage/openapi
	{name: "clickhouse cloud key", specs: []string{`4b1d\a{38}`}, check: mixed},
	// https://docs.confluent.io/cloud/current/security/authenticate/workload-identities/service-accounts/api-keys/overview.html
	{name: "confluent key", specs: []string{`cflt\b{60,}`}},
	// https://www.elastic.co/docs/deploy-manage/api-keys/elastic-cloud-api-keys
	{name: "elastic cloud key", specs: []string{`essu_\b{60,}`}},
	// https://airtable.com/developers/web/guides/personal-access-tokens
	{name: "airtable token", specs: []string{`pat\a{14}.\h{64}`}},
	// https://developers.notion.com/reference/authentication
	{name: "notion token", specs: []string{`ntn_\d{11}\a{35}`, `secret_\a{43}`}},
	// https://linear.app/developers
	{name: "linear key", specs: []string{`lin_api_\a{32,40}`, `lin_oauth_\h{64}`}},
	// https://developers.asana.com/docs/personal-access-token
	{name: "asana token", specs: []string{`1/\d{15,17}:\h{32}`, `2/\d{15,17}/\d{15,17}:\h{32}`}},
	// https://www.figma.com/developers/api#access-tokens
	{name: "figma token", specs: []string{`figd_\t{38,}`, `figo_\t{38,}`}},
	// https://developers.hubspot.com/docs/api/private-apps
	{name: "hubspot token", specs: []string{`pat-na1-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`, `pat-eu1-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`, `pat-na2-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`}},
	// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/quickstart_oauth.htm
	{name: "salesforce token", specs: []string{`00D\a{12,15}!\x{80,}`, `3MVG9\x{60,}`}},
	// https://developers.dropbox.com/oauth-guide
	{name: "dropbox token", specs: []string{`sl.\t{100,}`, `sl.u.\t{100,}`}},
	// https://www.typeform.com/developers/get-started/personal-access-token/
	{name: "typeform token", specs: []string{`tfp_\x{40,}`}},
	// https://developer.frame.io/
	{name: "frame.io token", specs: []string{`fio-u-\t{64}`}},
	// https://www.contentful.com/developers/docs/references/authentication/
	{name: "contentful token", specs: []string{`CFPAT-\t{43}`}},
	// https://docs.n8n.io/api/authentication/
	{name: "n8n key", specs: []string{`n8n_api_\a{40,}`}},
	// https://developers.intercom.com/docs/build-an-integration/learn-more/authentication (base64 of "tok:…")
	{name: "intercom token", specs: []string{`dG9rO\b{40,}`}},
	// https://api.intra.42.fr/apidoc
	{name: "42 secret", specs: []string{`s-s4t2ud-\h{64}`, `s-s4t2af-\h{64}`}},
	// https://developer.adobe.com/developer-console/docs/guides/authentication/
	{name: "adobe secret", specs: []string{`p8e-\t{32}`}},

	// https://grafana.com/docs/grafana/latest/administration/service-accounts/
	{name: "grafana token", specs: []string{`glsa_\a{32}_\h{8}`, `glc_\b{32,}`, `eyJrIjoi\b{70,}`}, sum: grafanaSum},
	// https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/
	{name: "new relic key", specs: []string{`NRAK-\u{27}`, `NRII-\t{32}`, `NRIQ-\t{32}`, `NRRA-\h{42}`, `NRJS-\h{19}`, `NRSP-\t{36}`, `NRAA-\h{27}`, `\h{32}FFFFNRAL`, `\h{36}NRAL`, `eu01xx\h{30}NRAL`}},
	// https://docs.dynatrace.com/docs/dynatrace-api/basics/dynatrace-api-authentication
	{name: "dynatrace token", specs: []string{`dt0c01.\u{24}.\u{64}`, `dt0s01.\u{8}.\u{64}`, `dt0s02.\u{8}.\u{64}`, `dt0s16.\u{8}.\u{64}`}},
	// https://docs.sentry.io/account/auth-tokens/
	{name: "sentry token", specs: []string{`sntrys_\p{60,}`, `sntryu_\h{64}`, `sntrya_\h{64}`}},
	// https://docs.honeycomb.io/get-started/configure/environments/manage-api-keys/
	{name: "honeycomb key", specs: []string{`hcaik_\l{58}`, `hcbik_\l{58}`, `hcxik_\l{58}`, `hcamk_\l{58}`, `hcxlk_\l{58}`}},
	// https://docs.rootly.com/api-reference/overview
	{name: "rootly key", specs: []string{`rootly_\h{64}`}},
	// https://launchdarkly.com/docs/home/account/api
	{name: "launchdarkly key", whole: true, specs: []string{`api-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`, `sdk-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`, `mob-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`}},
	// https://posthog.com/docs/api
	{name: "posthog key", specs: []string{`phx_\a{43,}`, `phs_\a{43,}`}},
	// https://docs.mapbox.com/api/accounts/tokens/
	{name: "mapbox token", specs: []string{`sk.eyJ\x{60,}`, `tk.eyJ\x{60,}`}},
	// https://support.maxmind.com/hc/en-us/articles/4407111582235-Generate-a-License-Key
	{name: "maxmind key", specs: []string{`\a{6}_\a{29}_mmk`}},
	// https://tailscale.com/kb/1277/key-prefixes
	{name: "tailscale key", specs: []string{`tskey-auth-\a{8,}-\a{20,}`, `tskey-api-\a{8,}-\a{20,}`, `tskey-client-\a{8,}-\a{20,}`, `tskey-scim-\a{8,}-\a{20,}`, `tskey-webhook-\a{8,}-\a{20,}`, `tskey-\h{12,}-\a{16,}`, `privkey:\h{64}`}},
	// https://ngrok.com/docs/api/#authentication
	{name: "ngrok token", specs: []string{`ak_2\a{26}`}, check: mixed},
	// https://docs.defined.net/api/defined-networking-api/
	{name: "defined.net key", specs: []string{`dnkey-\t{26}-\t{52}`}},
	// https://developer.okta.com/docs/guides/create-an-api-token/
	{name: "okta token", specs: []string{`SSWS 00\t{40}`}, keep: len("SSWS ")},
	// https://docs.authress.io/
	{name: "authress key", specs: []string{`sc_\l{5,30}.\l{4,6}.acc_\t{10,32}.\p{30,120}`, `sc_\l{5,30}.\l{4,6}.acc-\l{10,32}.\p{30,120}`, `authress_\l{5,30}.\l{4,6}.acc_\t{10,32}.\p{30,120}`}},
	// https://workos.com/docs/reference/api-keys
	{name: "workos key", whole: true, specs: []string{`sk_live_a2V5X\b{20,}`, `sk_test_a2V5X\b{20,}`}},
	// https://docs.openshift.com/container-platform/4.14/authentication/managing-oauth-access-tokens.html
	{name: "openshift token", specs: []string{`sha256~\t{43}`}},
	// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
	{name: "kubernetes bootstrap token", whole: true, specs: []string{`token: \l{6}.\l{16}`}, keep: len("token: ")},
	// https://docs.k3s.io/cli/token
	{name: "k3s token", specs: []string{`K10\h{64}::\p{8,}`}},
	// https://docs.docker.com/engine/swarm/join-nodes/
	{name: "swarm token", specs: []string{`SWMTKN-1-\l{50}-\l{25}`}},
	// https://ranchermanager.docs.rancher.com/reference-guides/user-settings/api-keys
	{name: "rancher token", whole: true, specs: []string{`token-\l{5}:\l{54}`}, keep: len("token-xxxxx:")},
	// https://age-encryption.org/v1 and https://github.com/FiloSottile/age/blob/main/doc/age.1.ronn
	{name: "age key", specs: []string{`AGE-SECRET-KEY-1\q{58}`, `AGE-SECRET-KEY-PQ-1\q{58,}`, `AGE-PLUGIN-\u{2,12}-1\q{58,}`}, sum: bech32Sum},
	// https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki
	{name: "extended private key", specs: []string{`xprv\e{107}`, `yprv\e{107}`, `zprv\e{107}`, `tprv\e{107}`}},
	// https://github.com/nostr-protocol/nips/blob/master/19.md
	{name: "nostr key", specs: []string{`nsec1\s{58}`}, sum: bech32Sum},
	// https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth
	{name: "nats seed", specs: []string{`SUA\z{55}`, `SAA\z{55}`, `SOA\z{55}`, `SCA\z{55}`, `SNA\z{55}`, `SXA\z{55}`}, check: mixedCaps},
	// https://jwt.io/introduction and RFC 7519, 7515, 7516
	{name: "jwt", specs: []string{`eyJ\t{8,}.\t{8,}.\t{0,}`, `eyJ\t{8,}.eyJ\t{8,}`, `eyJ\t{8,}.\t{0,}.\t{8,}.\t{8,}.\t{8,}`}, embed: true},
	// https://jwt.io/introduction, in base64 once more
	{name: "encoded jwt", specs: []string{`ZXlK\b{60,}`}},
	// https://paseto.io/rfc/
	{name: "paseto", specs: []string{`v1.local.\t{32,}`, `v2.local.\t{32,}`, `v3.local.\t{32,}`, `v4.local.\t{32,}`, `v2.public.\t{64,}`, `v4.public.\t{64,}`}},
	// https://docs.python.org/3/library/crypt.html, the modular crypt format
	{name: "password hash", specs: []string{`$2a$\d{2}$\p{53}`, `$2b$\d{2}$\p{53}`, `$2y$\d{2}$\p{53}`, `$6$\p{1,16}$\p{86}`, `$5$\p{1,16}$\p{43}`, `$1$\p{1,8}$\p{22}`, `$apr1$\p{1,8}$\p{22}`, `$y$\p{1,4}$\p{8,}$\p{43}`, `$6$rounds=\d{3,9}$\p{1,16}$\p{86}`, `$argon2id$v=\d{2}$m=\d{1,8},t=\d{1,4},p=\d{1,4}$\p{8,}$\p{16,}`, `$argon2i$v=\d{2}$m=\d{1,8},t=\d{1,4},p=\d{1,4}$\p{8,}$\p{16,}`}},
	// https://www.postgresql.org/docs/current/catalog-pg-authid.html and RFC 5803, RFC 2307
	{name: "password hash", specs: []string{`SCRAM-SHA-256$\d{4,6}:\b{16,}==$\b{40,}=:\b{40,}=`, `SCRAM-SHA-1$\d{4,6}:\b{16,}==$\b{20,}=:\b{20,}=`, `{SSHA}\b{20,}`, `{SSHA256}\b{40,}`, `{SSHA512}\b{80,}`, `{PBKDF2}\p{30,}`}},
	// https://jsr.io/docs/publishing-packages
	{name: "jsr token", specs: []string{`jsrp_\a{32}`, `jsrd_\a{32}`}},
	// https://packagist.com/docs/composer-authentication
	{name: "packagist token", specs: []string{`packagist_ort_\h{68}`, `packagist_out_\h{68}`, `packagist_uut_\h{68}`}},
	// https://shopify.dev/docs/api/partner
	{name: "shopify partner token", specs: []string{`prtapi_\h{32}`}},
	// https://developer.paddle.com/api-reference/about/api-keys
	{name: "paddle key", specs: []string{`pdl_live_apikey_\l{26}_\a{22}_\a{3}`, `pdl_sdbx_apikey_\l{26}_\a{22}_\a{3}`}},
	// https://developer-docs.amazon.com/sp-api/docs/viewing-your-application-information-and-credentials
	{name: "amazon oauth secret", specs: []string{`amzn1.oa2-cs.v1.\h{64}`, `amzn.mws.\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`}},
	// https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
	{name: "aws appsync key", specs: []string{`da2-\l{26}`}, check: mixed},
	// https://ai.google.dev/gemini-api/docs/api-key
	{name: "google ai key", specs: []string{`AQ.Ab8\t{45,60}`}},
	// https://docs.together.ai/docs/quickstart
	{name: "together key", specs: []string{`tgp_v1_\t{40,}`}},
	// https://docs.cursor.com/account/teams/admin-api
	{name: "cursor key", whole: true, specs: []string{`key_\h{64}`}},
	// https://modal.com/docs/reference/modal.config
	{name: "modal token", whole: true, specs: []string{`as-\a{22}`, `ak-\a{22}`}, check: randomTail},
	// https://docs.runpod.io/get-started/api-keys
	{name: "runpod key", specs: []string{`rpa_\u{40}\l{6}`}},
	// https://ably.com/docs/auth#api-key
	{name: "ably key", whole: true, specs: []string{`\t{6}.\t{6}:\t{43}`}, check: mixed},
	// https://docs.netlify.com/configure-builds/build-hooks/
	{name: "netlify build hook", specs: []string{`api.netlify.com/build_hooks/\h{24}`}, keep: len("api.netlify.com/build_hooks/")},
	// https://ifttt.com/maker_webhooks
	{name: "ifttt key", specs: []string{`/with/key/\t{20,60}`}, keep: len("/with/key/"), embed: true},
	// https://help.zapier.com/hc/en-us/articles/8496288690317-Trigger-Zap-workflows-from-webhooks
	{name: "zapier hook", specs: []string{`hooks.zapier.com/hooks/catch/\d{4,10}/\l{5,12}`}, keep: len("hooks.zapier.com/hooks/catch/")},
	// https://support.google.com/calendar/answer/37648 (the secret address in iCal format)
	{name: "google calendar address", specs: []string{`/private-\h{32}`}, keep: len("/private-"), embed: true},
	// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/ (base64 of {"a":")
	{name: "cloudflare tunnel token", specs: []string{`eyJhIjoi\b{80,}`}},
	// https://upcloud.com/docs/guides/getting-started-api-tokens/
	{name: "upcloud token", specs: []string{`ucat_\u{26}`}},
	// https://www.backblaze.com/docs/cloud-storage-application-keys
	{name: "backblaze key", specs: []string{`K00\d\b{27}`}, check: randomTail},
	// https://www.mongodb.com/docs/atlas/api/service-accounts-overview/
	{name: "mongodb atlas secret", specs: []string{`mdb_sa_sk_\t{40}`}},
	// https://aiven.io/docs/platform/concepts/authentication-tokens
	{name: "aiven password", specs: []string{`AVNS_\t{19}`}},
	// https://docs.statsig.com/sdk-keys/api-keys
	{name: "statsig secret", whole: true, specs: []string{`secret-\a{40,60}`}, check: randomTail},
	// https://stytch.com/docs/workspace-management/api-keys
	{name: "stytch secret", specs: []string{`secret-live-\x{32,36}`, `secret-test-\x{32,36}`}},
	// https://docs.datadoghq.com/account_management/api-app-keys/
	{name: "datadog key", specs: []string{`ddapp_\a{34}`, `ddpat_\a{30,}`}},
	// https://axiom.co/docs/reference/tokens
	{name: "axiom token", specs: []string{`xaat-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`, `xapt-\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`}},
	// https://www.checklyhq.com/docs/accounts-and-users/creating-api-key/
	{name: "checkly key", whole: true, specs: []string{`cu_\h{32}`}},
	// https://developer.clickup.com/docs/authentication
	{name: "clickup token", specs: []string{`pk_\d{4,10}_\u{32}`}},
	// https://io.adafruit.com/api/docs/#authentication
	{name: "adafruit key", specs: []string{`aio_\a{28}`}},
	// https://docs.stackhawk.com/stackhawk-cli/
	{name: "stackhawk key", specs: []string{`hawk.\a{20}.\a{20}`}},
	// https://trigger.dev/docs/apikeys
	{name: "trigger.dev key", specs: []string{`tr_prod_\a{20,24}`, `tr_dev_\a{20,24}`, `tr_stg_\a{20,24}`, `tr_pat_\a{20,40}`}},
	// https://www.inngest.com/docs/platform/signing-keys
	{name: "inngest signing key", specs: []string{`signkey-prod-\h{32,64}`, `signkey-test-\h{32,64}`, `signkey-branch-\h{32,64}`}},
	// https://docs.flagsmith.com/clients/server-side
	{name: "flagsmith key", specs: []string{`ser.\a{22}`}, check: randomTail},
	// https://research.google/pubs/macaroons-cookies-with-contextual-caveats-for-decentralized-authorization-in-the-cloud/ (version 1, base64 of "0021location")
	{name: "macaroon", specs: []string{`MDAxM\x{80,}`, `MDAyM\x{80,}`}},
	// https://www.alchemy.com/docs/how-to-create-access-keys
	{name: "alchemy key", specs: []string{`alcht_\a{30}`}},
	// https://www.browserstack.com/docs/percy/get-started/project
	{name: "percy token", specs: []string{`web_\h{64}`, `app_\h{64}`}, whole: true},
	// https://developer.nylas.com/docs/v3/auth/
	{name: "nylas key", specs: []string{`nyk_v0_\a{60,}`}},
	// https://docs.svix.com/quickstart
	{name: "svix key", specs: []string{`testsk_\a{32}.\l{2}`, `sk_\a{32}.\l{2}`}},
	// https://cal.com/docs/api-reference/v1/introduction
	{name: "cal.com key", specs: []string{`cal_live_\h{32}`, `cal_test_\h{32}`}},
	// https://wakatime.com/developers
	{name: "wakatime key", specs: []string{`waka_\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`}},
	// https://console.settlemint.com/documentation/
	{name: "settlemint token", specs: []string{`sm_pat_\a{16}`, `sm_sat_\a{16}`, `sm_aat_\a{16}`}},
	// https://docs.openclaw.ai/pairing (base64 of {"url":)
	{name: "openclaw setup code", specs: []string{`eyJ1cmwi\b{60,}`}},
	// https://jedisct1.github.io/minisign/
	{name: "minisign secret key", specs: []string{`RWRTY0Iy\b{100,}`}},
	// https://www.algolia.com/doc/guides/security/api-keys/
	{name: "algolia secured key", specs: []string{`ALGOLIASECURED\a{20,}`}},
	// https://docs.gitea.com/development/api-usage
	{name: "gitea or forgejo token", specs: []string{`gta_\h{40}`, `fgj_\h{40}`}},
	// https://docs.keeper.io/en/keeperpam/secrets-manager/about/one-time-token
	{name: "keeper token", specs: []string{`US:\t{43}`, `EU:\t{43}`}, check: mixed},
	// https://bitwarden.com/help/access-tokens/
	{name: "bitwarden token", specs: []string{`0.\h{8}-\h{4}-\h{4}-\h{4}-\h{12}.\a{30}:\b{22}==`}},
	// https://docs.apify.com/platform/integrations/api
	{name: "apify token", specs: []string{`apify_api_\a{36}`, `apify_proxy_\a{36}`}},
	// https://docs.browserbase.com/reference/api/overview
	{name: "browserbase key", specs: []string{`bb_live_\t{27}`}},
	// https://e2b.dev/docs/api-key
	{name: "e2b key", specs: []string{`e2b_\h{40}`}},
	// https://docs.rapidapi.com/docs/keys
	{name: "rapidapi key", specs: []string{`\l{10}msh\l{15}p1\l{5}jsn\l{12}`}},
	// https://developer.webex.com/docs/getting-started
	{name: "webex or cisco token", specs: []string{`\t{64}_PS55_\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`, `\t{64}_P0A1_\h{8}-\h{4}-\h{4}-\h{4}-\h{12}`}},
	// https://www.rfc-editor.org/rfc/rfc8959
	{name: "secret-token uri", whole: true, specs: []string{`secret-token:\p{8,}`}, keep: len("secret-token:")},
	// https://www.rfc-editor.org/rfc/rfc7468: base64 of "-----BEGIN … PRIVATE KEY", checked after decoding
	{name: "encoded private key", whole: true, specs: []string{`LS0tLS1CRUdJT\b{40,}`}, check: encodedPrivateKey},
	// https://www.rfc-editor.org/rfc/rfc5208 and RFC 8017, 5915, 8410: the first bytes of unencrypted private keys, in base64
	{name: "private key", specs: []string{`MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\b{40,}`, `MIIEvgIBADANBgkqhkiG9w0BAQEFAASC\b{40,}`, `MIIEvAIBADANBgkqhkiG9w0BAQEFAASC\b{40,}`, `MIIJQ\a{3}BADANBgkqhkiG9w0BAQEFAASC\b{40,}`, `MIIEpAIBAAKCAQEA\b{40,}`, `MIIEpQIBAAKCAQEA\b{40,}`, `MIIEowIBAAKCAQEA\b{40,}`, `MIIEogIBAAKCAQEA\b{40,}`, `MIIJKQIBAAKCAgEA\b{40,}`, `MIIJKAIBAAKCAgEA\b{40,}`, `MIIJJwIBAAKCAgEA\b{40,}`, `MHcCAQEEI\b{40,}`, `MIGHAgEAMBMGByqGSM49\b{40,}`, `MC4CAQAwBQYDK2VwBCIEI\b{40,}`, `b3BlbnNzaC1rZXktdjE\b{40,}`}},
	// https://docs.docker.com/reference/cli/docker/login/#credential-stores: base64 of {"auths":
	{name: "registry credentials", specs: []string{`eyJhdXRocyI6\b{20,}`, `eyAiYXV0aHMi\b{20,}`, `ewogICJhdXRocyI6\b{20,}`, `ewoJImF1dGhzIj\b{20,}`}},
}

// githubSum checks the last six characters of a token: the CRC-32 of the 30
// characters before them, in base 62.
// Source: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
func githubSum(t []byte) bool { return base62Sum(t[4:]) }

// npmSum is the same checksum, said by npm to be GitHub's.
// Source: https://github.blog/2021-09-23-announcing-npms-new-access-token-format/
func npmSum(t []byte) bool { return base62Sum(t[4:]) }

// base62Sum checks the CRC-32 behind 30 characters, in six digits of base 62.
func base62Sum(body []byte) bool {
	return len(body) == 36 && string(body[30:]) == base62(crc32.ChecksumIEEE(body[:30]))
}

// base62 writes n in six digits.
func base62(n uint32) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var b [6]byte
	for i := range b {
		b[5-i] = digits[n%62]
		n /= 62
	}
	return string(b[:])
}

// grafanaSum checks the CRC-32 at the end of a service account token.
// Source: https://github.com/grafana/grafana/blob/main/pkg/components/satokengen/satokengen.go
func grafanaSum(t []byte) bool {
	secret, sum, ok := bytes.Cut(bytes.TrimPrefix(t, []byte("glsa_")), []byte("_"))
	if !ok {
		return false
	}
	want, ok := new(big.Int).SetString(string(sum), 16)
	return ok && want.Uint64() == uint64(crc32.ChecksumIEEE([]byte("glsa_"+string(secret))))
}

// bech32Sum checks the checksum of BIP 173, in either case.
// Source: https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki
func bech32Sum(t []byte) bool {
	const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	t = bytes.ToLower(t)
	one := bytes.LastIndexByte(t, '1')
	if one < 1 {
		return false
	}
	chk := uint32(1)
	step := func(v byte) {
		top := chk >> 25
		chk = chk&0x1ffffff<<5 ^ uint32(v)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	for _, c := range t[:one] {
		step(c >> 5)
	}
	step(0)
	for _, c := range t[:one] {
		step(c & 31)
	}
	for _, c := range t[one+1:] {
		v := bytes.IndexByte([]byte(alphabet), c)
		if v < 0 {
			return false
		}
		step(byte(v))
	}
	return chk == 1
}

// mixedCaps reports whether the part of t after its four-letter prefix has a
// letter and a digit.
func mixedCaps(t []byte) bool { return mixed(t[min(len(t), 4):]) }

// randomTail reports whether the part of t after its two-letter prefix looks random.
func randomTail(t []byte) bool { return looksRandom(t[2:]) }

// discordSpecs returns the shapes of a bot token: a user id in base64, a time
// and a signature. The first three characters, which are base64 of two digits
// and a little, serve the prefilter.
func discordSpecs() []string {
	var specs []string
	for _, a := range []string{"MD", "MT", "Mj", "Mz", "ND", "NT", "Nj", "Nz", "OD", "OT"} {
		for _, b := range "AEIMQUYcgk" {
			specs = append(specs, a+string(b)+`\t{21,25}.\t{6}.\t{27,40}`)
		}
	}
	return specs
}

// discordID reports whether t begins with a user id in base64, as bot tokens do.
func discordID(t []byte) bool {
	id, _, _ := bytes.Cut(t, []byte("."))
	b, err := base64.RawURLEncoding.DecodeString(string(id))
	if err != nil || len(b) < 17 {
		return false
	}
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// encodedPrivateKey reports whether t is base64 of a PEM block with a private
// key, not of a certificate or a public key.
func encodedPrivateKey(t []byte) bool {
	b, err := base64.StdEncoding.DecodeString(string(t[:min(len(t), 64)/4*4]))
	return err == nil && bytes.Contains(b, []byte("PRIVATE KEY"))
}
