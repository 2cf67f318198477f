package funcs

import "strings"

// Unavailable says why podfacts does not offer a function that sprig, Helm or
// consul-template has, and what to use in its place. ok is false for names
// that none of them knows.
func Unavailable(name string) (reason string, ok bool) {
	name = strings.TrimPrefix(name, "sprig_")
	for _, u := range unavailable() {
		for known := range strings.FieldsSeq(u.names) {
			if known == name {
				return u.reason, true
			}
		}
	}
	return "", false
}

type leftOut struct{ names, reason string }

func unavailable() []leftOut {
	return []leftOut{
		{"now ago timestamp",
			"the clock would make every render differ; use a fact such as pod.createdAt with date or unixEpoch"},
		{"randAlphaNum randAlpha randAscii randNumeric randBytes randInt shuffle uuidv4",
			"a random value would make every render differ; use pod.uid, or sha256sum of facts that tell pods apart"},
		{"genPrivateKey genCA genCAWithKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey buildCustomCert",
			"a new key at each render would break every peer; issue certificates with cert-manager or a projected clusterTrustBundle and read them as files"},
		{"bcrypt htpasswd encryptAES",
			"the random salt would make every render differ; put the finished hash or ciphertext into a Secret and read it as a file"},
		{"derivePassword decryptAES",
			"passwords do not belong into templates; put the plain value into a Secret and read it as a file"},
		{"getHostByName",
			"the answer changes without notice; write the name, or use the peers or services facts"},
		{"sockaddr",
			"the network interfaces are no fact of the pod; use pod.ip, pod.ips or node.ip"},
		{"expandenv",
			"expanding inside text hides what is needed; name each variable with env, and list it in the configuration"},
		{"lookup",
			"templates do not ask the API server; name the object under api.objects and read it as objects.ID"},
		{"fromToml mustFromToml",
			"a TOML parser costs 180 kB in every pod; keep the data as YAML or JSON and use fromYaml or fromJson"},
		{"key keyExists keyOrDefault ls safeLs tree safeTree byKey explode",
			"there is no Consul KV store here; put the data into a ConfigMap and name it under api.objects"},
		{"service services connect node nodes datacenters partitions peerings exportedServices byPort byTag byMeta",
			"there is no Consul catalog here; use the services, peers and node facts"},
		{"secret secrets pkiCert",
			"there is no Vault here; mount the Secret as a volume and read it with file"},
		{"caRoots caLeaf",
			"there is no Consul Connect here; mount a projected clusterTrustBundle and read it with file"},
		{"nomadService nomadServices nomadVar nomadVarList nomadVarListSafe nomadVarExists",
			"there is no Nomad here; use the services and peers facts, or an object under api.objects"},
		{"executeTemplate",
			"use include, which does the same"},
		{"plugin",
			"templates run no programs; use an output's check or a notify hook"},
		{"writeToFile",
			"a template writes only its own output; add another entry under outputs"},
		{"scratch",
			"use a variable that holds a dict: {{ $d := dict }}, then set $d and get $d"},
		{"spew_dump spew_printf spew_sdump spew_sprintf",
			"the dump holds memory addresses, which differ at each render; use toPrettyJson or typeOf"},
		{"hello",
			"it only ever greeted; write Hello!"},
	}
}
