-- A database as the gateway of November 2026 left it (commit 8fd6e24, migrations 0001 to 0003, records of schema 1), written by its
-- own code and killed with visits open on two nodes. Never edit: gateways in the field have such files.
-- Ended on node1: v-video, three refused (v-nobody, v-poor, v-closed), v-missed, v-facility (by invoice), v-privileged, v-flat,
-- v-recorded (a recording, a watching); on node2 v-two. Open on node1: v-talking (proven to 40 s, recorded, watched), v-ringing,
-- v-asked (no account yet); on node2 v-elsewhere (proven to 20 s).
BEGIN TRANSACTION;
CREATE TABLE accesses (
	access_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at_ms BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	act VARCHAR(32) NOT NULL, 
	subject VARCHAR(200) NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL
);
INSERT INTO "accesses" VALUES(1,1767627300000,'j.doe','play','r-1','complaint 17','');
CREATE TABLE accounts (
	account_id VARCHAR(200) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	balance_micros BIGINT NOT NULL, 
	held_micros BIGINT NOT NULL, 
	opened_at_ms BIGINT NOT NULL, 
	closed_at_ms BIGINT, 
	CONSTRAINT pk_accounts PRIMARY KEY (account_id), 
	CONSTRAINT ck_accounts_ck_accounts_never_overspent CHECK (kind <> 'prepaid' OR balance_micros >= held_micros), 
	CONSTRAINT ck_accounts_ck_accounts_held_not_negative CHECK (held_micros >= 0)
);
INSERT INTO "accounts" VALUES('family-1','prepaid','USD',24304001,5600000,1767452400000,NULL);
INSERT INTO "accounts" VALUES('family-2','prepaid','USD',1000,0,1767452400000,NULL);
INSERT INTO "accounts" VALUES('moved-away','prepaid','USD',3000000,0,1767452400000,1767538800000);
INSERT INTO "accounts" VALUES('north-office','facility','USD',-1260000,0,1767452400000,NULL);
INSERT INTO "accounts" VALUES('house:cash:USD','house','USD',-30501000,0,1767452400000,NULL);
INSERT INTO "accounts" VALUES('house:revenue:USD','house','USD',4455999,0,1767625330250,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE cdrs (
	node VARCHAR(32) NOT NULL, 
	sequence BIGINT NOT NULL, 
	cdr_id VARCHAR(200) NOT NULL, 
	visit_id VARCHAR(200) NOT NULL, 
	corrects VARCHAR(200), 
	facility TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	end_at_ms BIGINT NOT NULL, 
	reason VARCHAR(64) NOT NULL, 
	total_micros BIGINT NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	document TEXT NOT NULL, 
	previous_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_cdrs PRIMARY KEY (node, sequence), 
	CONSTRAINT fk_cdrs_visit_id FOREIGN KEY(visit_id) REFERENCES visits (visit_id), 
	CONSTRAINT uq_cdrs_cdr_id UNIQUE (cdr_id)
);
INSERT INTO "cdrs" VALUES('node1',1,'cdr:v-video','v-video',NULL,'north','family-1',1767625330000,'family_left',333333,'USD','{"account":"family-1","answer_at":"2026-01-05T15:00:04.000Z","billable_s":125,"cdr_id":"cdr:v-video","contact":"family-1","corrects":"","currency":"USD","dialled":"5552368001","duration_ms":126000,"end_at":"2026-01-05T15:02:10.000Z","facility":"north","fault":"family","flows":[{"far_lost":7,"frames_decoded":0,"frozen_ms":2500,"jitter_us":3250,"kind":"audio","lost":2,"mos_hundredths":438,"packets":6250,"path":"relay","rtt_us":41500,"source":"sip","source_codec":"PCMU","target_codec":"PCMU"},{"far_lost":0,"frames_decoded":3750,"frozen_ms":0,"jitter_us":1500,"kind":"video","lost":0,"mos_hundredths":0,"packets":3750,"path":"transcode","rtt_us":0,"source":"web","source_codec":"VP8","target_codec":"H264"}],"hold_amount":"3.20","hold_id":"hold:v-video","lines":[{"amount":"0.333333","kind":"usage","quantity":125}],"media_end_at":"2026-01-05T15:02:10.000Z","media_start_at":"2026-01-05T15:00:05.000Z","medium":"video","movement_id":"visit:v-video","node":"node1","one_way_s":3,"privileged":false,"rate_per_minute":"0.16","reason":"family_left","recorded_at":"2026-01-05T15:02:10.250Z","recording":"none","recordings":[],"ring_at":"2026-01-05T15:00:01.000Z","rounding":"down to 0.000001","rule":"family","schema":1,"sequence":1,"setup_at":"2026-01-05T15:00:00.000Z","sip_call_id":"v-video@pbx","sip_code":0,"station":"3101","tariff_id":"demo-video","tariff_version":1,"timezone":"America/Chicago","total":"0.333333","trunk":"pbx","unusable_s":0,"visit_id":"v-video"}','0000000000000000000000000000000000000000000000000000000000000000','33a311a5f82ecd91e65576b711100ced6718c0e031c484c86a71454a5c18366d');
INSERT INTO "cdrs" VALUES('node1',2,'cdr:v-nobody','v-nobody',NULL,'north','',1767625341000,'refused_unknown_number',0,'XXX','{"account":"","answer_at":null,"billable_s":0,"cdr_id":"cdr:v-nobody","contact":"","corrects":"","currency":"XXX","dialled":"5550000000","duration_ms":0,"end_at":"2026-01-05T15:02:21.000Z","facility":"north","fault":"policy","flows":[],"hold_amount":"0.00","hold_id":"","lines":[],"media_end_at":null,"media_start_at":null,"medium":"video","movement_id":"","node":"node1","one_way_s":0,"privileged":false,"rate_per_minute":"0.00","reason":"refused_unknown_number","recorded_at":"2026-01-05T15:02:21.250Z","recording":"none","recordings":[],"ring_at":null,"rounding":"","rule":"","schema":1,"sequence":2,"setup_at":"2026-01-05T15:02:20.000Z","sip_call_id":"v-nobody@pbx","sip_code":404,"station":"3101","tariff_id":"","tariff_version":0,"timezone":"America/Chicago","total":"0.00","trunk":"pbx","unusable_s":0,"visit_id":"v-nobody"}','33a311a5f82ecd91e65576b711100ced6718c0e031c484c86a71454a5c18366d','db180c6215fc71fb8e201aed484873bf27c4573168c9d3ab55d7d39c329c1312');
INSERT INTO "cdrs" VALUES('node1',3,'cdr:v-poor','v-poor',NULL,'north','family-2',1767625351000,'refused_balance',0,'USD','{"account":"family-2","answer_at":null,"billable_s":0,"cdr_id":"cdr:v-poor","contact":"family-2","corrects":"","currency":"USD","dialled":"5552368001","duration_ms":0,"end_at":"2026-01-05T15:02:31.000Z","facility":"north","fault":"money","flows":[],"hold_amount":"0.00","hold_id":"","lines":[],"media_end_at":null,"media_start_at":null,"medium":"video","movement_id":"","node":"node1","one_way_s":0,"privileged":false,"rate_per_minute":"0.16","reason":"refused_balance","recorded_at":"2026-01-05T15:02:31.250Z","recording":"none","recordings":[],"ring_at":null,"rounding":"down to 0.000001","rule":"family","schema":1,"sequence":3,"setup_at":"2026-01-05T15:02:30.000Z","sip_call_id":"v-poor@pbx","sip_code":404,"station":"3101","tariff_id":"demo-video","tariff_version":1,"timezone":"America/Chicago","total":"0.00","trunk":"pbx","unusable_s":0,"visit_id":"v-poor"}','db180c6215fc71fb8e201aed484873bf27c4573168c9d3ab55d7d39c329c1312','9a61ca9b00b50372051cf30ede486526158a2af975df94e621c586bd5db13f01');
INSERT INTO "cdrs" VALUES('node1',4,'cdr:v-closed','v-closed',NULL,'north','moved-away',1767625361000,'refused_account_closed',0,'USD','{"account":"moved-away","answer_at":null,"billable_s":0,"cdr_id":"cdr:v-closed","contact":"moved-away","corrects":"","currency":"USD","dialled":"5552368001","duration_ms":0,"end_at":"2026-01-05T15:02:41.000Z","facility":"north","fault":"money","flows":[],"hold_amount":"0.00","hold_id":"","lines":[],"media_end_at":null,"media_start_at":null,"medium":"video","movement_id":"","node":"node1","one_way_s":0,"privileged":false,"rate_per_minute":"0.16","reason":"refused_account_closed","recorded_at":"2026-01-05T15:02:41.250Z","recording":"none","recordings":[],"ring_at":null,"rounding":"down to 0.000001","rule":"family","schema":1,"sequence":4,"setup_at":"2026-01-05T15:02:40.000Z","sip_call_id":"v-closed@pbx","sip_code":404,"station":"3101","tariff_id":"demo-video","tariff_version":1,"timezone":"America/Chicago","total":"0.00","trunk":"pbx","unusable_s":0,"visit_id":"v-closed"}','9a61ca9b00b50372051cf30ede486526158a2af975df94e621c586bd5db13f01','0408c3411118c979e24fcb4b299931bfb918105224daf037fe951b782a0d01ef');
INSERT INTO "cdrs" VALUES('node1',5,'cdr:v-missed','v-missed',NULL,'north','family-1',1767625431000,'no_answer',0,'USD','{"account":"family-1","answer_at":null,"billable_s":0,"cdr_id":"cdr:v-missed","contact":"family-1","corrects":"","currency":"USD","dialled":"5552368001","duration_ms":0,"end_at":"2026-01-05T15:03:51.000Z","facility":"north","fault":"family","flows":[],"hold_amount":"3.20","hold_id":"hold:v-missed","lines":[],"media_end_at":null,"media_start_at":null,"medium":"video","movement_id":"","node":"node1","one_way_s":0,"privileged":false,"rate_per_minute":"0.16","reason":"no_answer","recorded_at":"2026-01-05T15:03:51.250Z","recording":"none","recordings":[],"ring_at":"2026-01-05T15:03:21.000Z","rounding":"down to 0.000001","rule":"family","schema":1,"sequence":5,"setup_at":"2026-01-05T15:03:20.000Z","sip_call_id":"v-missed@pbx","sip_code":0,"station":"3101","tariff_id":"demo-video","tariff_version":1,"timezone":"America/Chicago","total":"0.00","trunk":"pbx","unusable_s":0,"visit_id":"v-missed"}','0408c3411118c979e24fcb4b299931bfb918105224daf037fe951b782a0d01ef','3f70a889cfd9f0def03439e48da46cae61ae0141cce304b10aa44cb8065717ff');
INSERT INTO "cdrs" VALUES('node1',6,'cdr:v-facility','v-facility',NULL,'north','north-office',1767626106000,'family_left',1260000,'USD','{"account":"north-office","answer_at":"2026-01-05T15:05:04.000Z","billable_s":601,"cdr_id":"cdr:v-facility","contact":"family-1","corrects":"","currency":"USD","dialled":"5552368001","duration_ms":602000,"end_at":"2026-01-05T15:15:06.000Z","facility":"north","fault":"family","flows":[{"far_lost":7,"frames_decoded":0,"frozen_ms":2500,"jitter_us":3250,"kind":"audio","lost":2,"mos_hundredths":438,"packets":30050,"path":"relay","rtt_us":41500,"source":"sip","source_codec":"PCMU","target_codec":"PCMU"},{"far_lost":0,"frames_decoded":18030,"frozen_ms":0,"jitter_us":1500,"kind":"video","lost":0,"mos_hundredths":0,"packets":18030,"path":"transcode","rtt_us":0,"source":"web","source_codec":"VP8","target_codec":"H264"}],"hold_amount":"2.45","hold_id":"hold:v-facility","lines":[{"amount":"0.05","kind":"connection_fee","quantity":1},{"amount":"1.21","kind":"usage","quantity":606}],"media_end_at":"2026-01-05T15:15:06.000Z","media_start_at":"2026-01-05T15:05:05.000Z","medium":"audio","movement_id":"visit:v-facility","node":"node1","one_way_s":3,"privileged":false,"rate_per_minute":"0.12","reason":"family_left","recorded_at":"2026-01-05T15:15:06.250Z","recording":"none","recordings":[],"ring_at":"2026-01-05T15:05:01.000Z","rounding":"half_even to 0.01","rule":"family","schema":1,"sequence":6,"setup_at":"2026-01-05T15:05:00.000Z","sip_call_id":"v-facility@pbx","sip_code":0,"station":"3101","tariff_id":"first-minute-audio","tariff_version":1,"timezone":"America/Chicago","total":"1.26","trunk":"pbx","unusable_s":0,"visit_id":"v-facility"}','3f70a889cfd9f0def03439e48da46cae61ae0141cce304b10aa44cb8065717ff','b3675ffadd7dbf4ce6e4b4d2c892b17de7b67575e258fc38999cc6496f9b4092');
INSERT INTO "cdrs" VALUES('node1',7,'cdr:v-privileged','v-privileged',NULL,'north','family-1',1767626266000,'family_left',162666,'USD','{"account":"family-1","answer_at":"2026-01-05T15:16:44.000Z","billable_s":61,"cdr_id":"cdr:v-privileged","contact":"=HYPERLINK(\"http://x\", \"Meier & Söhne\")","corrects":"","currency":"USD","dialled":"5552368001","duration_ms":62000,"end_at":"2026-01-05T15:17:46.000Z","facility":"north","fault":"family","flows":[{"far_lost":7,"frames_decoded":0,"frozen_ms":2500,"jitter_us":3250,"kind":"audio","lost":2,"mos_hundredths":438,"packets":3050,"path":"relay","rtt_us":41500,"source":"sip","source_codec":"PCMU","target_codec":"PCMU"},{"far_lost":0,"frames_decoded":1830,"frozen_ms":0,"jitter_us":1500,"kind":"video","lost":0,"mos_hundredths":0,"packets":1830,"path":"transcode","rtt_us":0,"source":"web","source_codec":"VP8","target_codec":"H264"}],"hold_amount":"3.20","hold_id":"hold:v-privileged","lines":[{"amount":"0.162666","kind":"usage","quantity":61}],"media_end_at":"2026-01-05T15:17:46.000Z","media_start_at":"2026-01-05T15:16:45.000Z","medium":"video","movement_id":"visit:v-privileged","node":"node1","one_way_s":3,"privileged":true,"rate_per_minute":"0.16","reason":"family_left","recorded_at":"2026-01-05T15:17:46.250Z","recording":"none","recordings":[],"ring_at":"2026-01-05T15:16:41.000Z","rounding":"down to 0.000001","rule":"family","schema":1,"sequence":7,"setup_at":"2026-01-05T15:16:40.000Z","sip_call_id":"v-privileged@pbx","sip_code":0,"station":"3101","tariff_id":"demo-video","tariff_version":1,"timezone":"America/Chicago","total":"0.162666","trunk":"pbx-2","unusable_s":0,"visit_id":"v-privileged"}','b3675ffadd7dbf4ce6e4b4d2c892b17de7b67575e258fc38999cc6496f9b4092','5a4bc57e4ab11628378022bbe3beebb2d549b6117e9465af68b933708cf46d73');
INSERT INTO "cdrs" VALUES('node1',8,'cdr:v-flat','v-flat',NULL,'north','family-1',1767626712000,'media_failed',2500000,'USD','{"account":"family-1","answer_at":"2026-01-05T15:25:04.000Z","billable_s":7,"cdr_id":"cdr:v-flat","contact":"family-1","corrects":"","currency":"USD","dialled":"5552368001","duration_ms":8000,"end_at":"2026-01-05T15:25:12.000Z","facility":"north","fault":"network","flows":[{"far_lost":7,"frames_decoded":0,"frozen_ms":2500,"jitter_us":3250,"kind":"audio","lost":2,"mos_hundredths":438,"packets":350,"path":"relay","rtt_us":41500,"source":"sip","source_codec":"PCMU","target_codec":"PCMU"},{"far_lost":0,"frames_decoded":210,"frozen_ms":0,"jitter_us":1500,"kind":"video","lost":0,"mos_hundredths":0,"packets":210,"path":"transcode","rtt_us":0,"source":"web","source_codec":"VP8","target_codec":"H264"}],"hold_amount":"2.50","hold_id":"hold:v-flat","lines":[{"amount":"2.50","kind":"connection_fee","quantity":1},{"amount":"0.00","kind":"usage","quantity":7}],"media_end_at":"2026-01-05T15:25:12.000Z","media_start_at":"2026-01-05T15:25:05.000Z","medium":"video","movement_id":"visit:v-flat","node":"node1","one_way_s":3,"privileged":false,"rate_per_minute":"0.00","reason":"media_failed","recorded_at":"2026-01-05T15:25:12.250Z","recording":"none","recordings":[],"ring_at":"2026-01-05T15:25:01.000Z","rounding":"half_up to 0.01","rule":"family","schema":1,"sequence":8,"setup_at":"2026-01-05T15:25:00.000Z","sip_call_id":"v-flat@pbx","sip_code":0,"station":"3101","tariff_id":"flat-video","tariff_version":1,"timezone":"America/Chicago","total":"2.50","trunk":"pbx","unusable_s":3,"visit_id":"v-flat"}','5a4bc57e4ab11628378022bbe3beebb2d549b6117e9465af68b933708cf46d73','b1732ed947d92ca7fe5da771878cac2fcb6e5180ad7fca94293ec9d1f6d5a1e3');
INSERT INTO "cdrs" VALUES('node1',9,'cdr:v-recorded','v-recorded',NULL,'north','family-1',1767627250000,'family_left',120000,'USD','{"account":"family-1","answer_at":"2026-01-05T15:33:24.000Z","billable_s":45,"cdr_id":"cdr:v-recorded","contact":"family-1","corrects":"","currency":"USD","dialled":"5552368001","duration_ms":46000,"end_at":"2026-01-05T15:34:10.000Z","facility":"north","fault":"family","flows":[{"far_lost":7,"frames_decoded":0,"frozen_ms":2500,"jitter_us":3250,"kind":"audio","lost":2,"mos_hundredths":438,"packets":2250,"path":"relay","rtt_us":41500,"source":"sip","source_codec":"PCMU","target_codec":"PCMU"},{"far_lost":0,"frames_decoded":1350,"frozen_ms":0,"jitter_us":1500,"kind":"video","lost":0,"mos_hundredths":0,"packets":1350,"path":"transcode","rtt_us":0,"source":"web","source_codec":"VP8","target_codec":"H264"}],"hold_amount":"3.20","hold_id":"hold:v-recorded","lines":[{"amount":"0.12","kind":"usage","quantity":45}],"media_end_at":"2026-01-05T15:34:10.000Z","media_start_at":"2026-01-05T15:33:25.000Z","medium":"video","movement_id":"visit:v-recorded","node":"node1","one_way_s":3,"privileged":false,"rate_per_minute":"0.16","reason":"family_left","recorded_at":"2026-01-05T15:34:10.250Z","recording":"complete","recordings":[{"bytes":123456,"ended_at":"2026-01-05T15:34:10.000Z","recording_id":"r-1","sha256":"abababababababababababababababababababababababababababababababab","started_at":"2026-01-05T15:33:25.000Z","state":"complete"}],"ring_at":"2026-01-05T15:33:21.000Z","rounding":"down to 0.000001","rule":"family","schema":1,"sequence":9,"setup_at":"2026-01-05T15:33:20.000Z","sip_call_id":"v-recorded@pbx","sip_code":0,"station":"3101","tariff_id":"demo-video","tariff_version":1,"timezone":"America/Chicago","total":"0.12","trunk":"pbx","unusable_s":0,"visit_id":"v-recorded"}','b1732ed947d92ca7fe5da771878cac2fcb6e5180ad7fca94293ec9d1f6d5a1e3','3b2905e26af20417df9c11c9fa4522b61ad92245515dbcf8ac45d80f63eff98a');
INSERT INTO "cdrs" VALUES('node2',1,'cdr:v-two','v-two',NULL,'south','family-1',1767628235000,'family_left',80000,'USD','{"account":"family-1","answer_at":"2026-01-05T15:50:04.000Z","billable_s":30,"cdr_id":"cdr:v-two","contact":"family-1","corrects":"","currency":"USD","dialled":"5552368001","duration_ms":31000,"end_at":"2026-01-05T15:50:35.000Z","facility":"south","fault":"family","flows":[{"far_lost":7,"frames_decoded":0,"frozen_ms":2500,"jitter_us":3250,"kind":"audio","lost":2,"mos_hundredths":438,"packets":1500,"path":"relay","rtt_us":41500,"source":"sip","source_codec":"PCMU","target_codec":"PCMU"},{"far_lost":0,"frames_decoded":900,"frozen_ms":0,"jitter_us":1500,"kind":"video","lost":0,"mos_hundredths":0,"packets":900,"path":"transcode","rtt_us":0,"source":"web","source_codec":"VP8","target_codec":"H264"}],"hold_amount":"3.20","hold_id":"hold:v-two","lines":[{"amount":"0.08","kind":"usage","quantity":30}],"media_end_at":"2026-01-05T15:50:35.000Z","media_start_at":"2026-01-05T15:50:05.000Z","medium":"video","movement_id":"visit:v-two","node":"node2","one_way_s":3,"privileged":false,"rate_per_minute":"0.16","reason":"family_left","recorded_at":"2026-01-05T15:50:35.250Z","recording":"none","recordings":[],"ring_at":"2026-01-05T15:50:01.000Z","rounding":"down to 0.000001","rule":"family","schema":1,"sequence":1,"setup_at":"2026-01-05T15:50:00.000Z","sip_call_id":"v-two@pbx","sip_code":0,"station":"3101","tariff_id":"demo-video","tariff_version":1,"timezone":"America/Chicago","total":"0.08","trunk":"pbx","unusable_s":0,"visit_id":"v-two"}','0000000000000000000000000000000000000000000000000000000000000000','f149d8c324b214576064fb0c943da5e3daa5dfc0f7a74241d9443e19415acf63');
CREATE TABLE chains (
	node VARCHAR(32) NOT NULL, 
	sequence BIGINT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_chains PRIMARY KEY (node)
);
INSERT INTO "chains" VALUES('node1',9,'3b2905e26af20417df9c11c9fa4522b61ad92245515dbcf8ac45d80f63eff98a');
INSERT INTO "chains" VALUES('node2',1,'f149d8c324b214576064fb0c943da5e3daa5dfc0f7a74241d9443e19415acf63');
CREATE TABLE entries (
	entry_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	movement_id VARCHAR(200) NOT NULL, 
	account_id VARCHAR(200) NOT NULL, 
	amount_micros BIGINT NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	CONSTRAINT fk_entries_account_id FOREIGN KEY(account_id) REFERENCES accounts (account_id), 
	CONSTRAINT fk_entries_movement_id FOREIGN KEY(movement_id) REFERENCES movements (movement_id)
);
INSERT INTO "entries" VALUES(1,'deposit:card-1','house:cash:USD',-20000000,'USD');
INSERT INTO "entries" VALUES(2,'deposit:card-1','family-1',20000000,'USD');
INSERT INTO "entries" VALUES(3,'deposit:card-2','house:cash:USD',-7500000,'USD');
INSERT INTO "entries" VALUES(4,'deposit:card-2','family-1',7500000,'USD');
INSERT INTO "entries" VALUES(5,'deposit:card-3','house:cash:USD',-1000,'USD');
INSERT INTO "entries" VALUES(6,'deposit:card-3','family-2',1000,'USD');
INSERT INTO "entries" VALUES(7,'deposit:card-4','house:cash:USD',-3000000,'USD');
INSERT INTO "entries" VALUES(8,'deposit:card-4','moved-away',3000000,'USD');
INSERT INTO "entries" VALUES(9,'visit:v-video','family-1',-333333,'USD');
INSERT INTO "entries" VALUES(10,'visit:v-video','house:revenue:USD',333333,'USD');
INSERT INTO "entries" VALUES(11,'visit:v-facility','north-office',-1260000,'USD');
INSERT INTO "entries" VALUES(12,'visit:v-facility','house:revenue:USD',1260000,'USD');
INSERT INTO "entries" VALUES(13,'visit:v-privileged','family-1',-162666,'USD');
INSERT INTO "entries" VALUES(14,'visit:v-privileged','house:revenue:USD',162666,'USD');
INSERT INTO "entries" VALUES(15,'visit:v-flat','family-1',-2500000,'USD');
INSERT INTO "entries" VALUES(16,'visit:v-flat','house:revenue:USD',2500000,'USD');
INSERT INTO "entries" VALUES(17,'visit:v-recorded','family-1',-120000,'USD');
INSERT INTO "entries" VALUES(18,'visit:v-recorded','house:revenue:USD',120000,'USD');
INSERT INTO "entries" VALUES(19,'visit:v-two','family-1',-80000,'USD');
INSERT INTO "entries" VALUES(20,'visit:v-two','house:revenue:USD',80000,'USD');
CREATE TABLE holds (
	hold_id VARCHAR(200) NOT NULL, 
	visit_id VARCHAR(200) NOT NULL, 
	account_id VARCHAR(200) NOT NULL, 
	amount_micros BIGINT NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	limited_by_balance BOOLEAN NOT NULL, 
	taken_at_ms BIGINT NOT NULL, 
	released_at_ms BIGINT, 
	CONSTRAINT pk_holds PRIMARY KEY (hold_id), 
	CONSTRAINT ck_holds_ck_holds_not_negative CHECK (amount_micros >= 0), 
	CONSTRAINT fk_holds_account_id FOREIGN KEY(account_id) REFERENCES accounts (account_id), 
	CONSTRAINT fk_holds_visit_id FOREIGN KEY(visit_id) REFERENCES visits (visit_id), 
	CONSTRAINT uq_holds_visit_id UNIQUE (visit_id)
);
INSERT INTO "holds" VALUES('hold:v-video','v-video','family-1',3200000,'USD',0,1767625200000,1767625330250);
INSERT INTO "holds" VALUES('hold:v-missed','v-missed','family-1',3200000,'USD',0,1767625400000,1767625431250);
INSERT INTO "holds" VALUES('hold:v-facility','v-facility','north-office',2450000,'USD',0,1767625500000,1767626106250);
INSERT INTO "holds" VALUES('hold:v-privileged','v-privileged','family-1',3200000,'USD',0,1767626200000,1767626266250);
INSERT INTO "holds" VALUES('hold:v-flat','v-flat','family-1',2500000,'USD',0,1767626700000,1767626712250);
INSERT INTO "holds" VALUES('hold:v-recorded','v-recorded','family-1',3200000,'USD',0,1767627200000,1767627250250);
INSERT INTO "holds" VALUES('hold:v-two','v-two','family-1',3200000,'USD',0,1767628200000,1767628235250);
INSERT INTO "holds" VALUES('hold:v-talking','v-talking','family-1',3200000,'USD',0,1767629200000,NULL);
INSERT INTO "holds" VALUES('hold:v-ringing','v-ringing','family-1',800000,'USD',0,1767629220000,NULL);
INSERT INTO "holds" VALUES('hold:v-elsewhere','v-elsewhere','family-1',1600000,'USD',0,1767629240000,NULL);
CREATE TABLE movements (
	movement_id VARCHAR(200) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	visit_id VARCHAR(200) DEFAULT '' NOT NULL, 
	cdr_id VARCHAR(200) DEFAULT '' NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_movements PRIMARY KEY (movement_id)
);
INSERT INTO "movements" VALUES('deposit:card-1','deposit','','',1767452400000);
INSERT INTO "movements" VALUES('deposit:card-2','deposit','','',1767538800000);
INSERT INTO "movements" VALUES('deposit:card-3','deposit','','',1767538800000);
INSERT INTO "movements" VALUES('deposit:card-4','deposit','','',1767538800000);
INSERT INTO "movements" VALUES('visit:v-video','visit','v-video','cdr:v-video',1767625330250);
INSERT INTO "movements" VALUES('visit:v-facility','visit','v-facility','cdr:v-facility',1767626106250);
INSERT INTO "movements" VALUES('visit:v-privileged','visit','v-privileged','cdr:v-privileged',1767626266250);
INSERT INTO "movements" VALUES('visit:v-flat','visit','v-flat','cdr:v-flat',1767626712250);
INSERT INTO "movements" VALUES('visit:v-recorded','visit','v-recorded','cdr:v-recorded',1767627250250);
INSERT INTO "movements" VALUES('visit:v-two','visit','v-two','cdr:v-two',1767628235250);
CREATE TABLE recordings (
	recording_id VARCHAR(200) NOT NULL, 
	node VARCHAR(32) NOT NULL, 
	facility TEXT NOT NULL, 
	visit_id VARCHAR(200) NOT NULL, 
	part BIGINT NOT NULL, 
	file_name TEXT NOT NULL, 
	key_id VARCHAR(64) NOT NULL, 
	wrapped_key VARCHAR(200) NOT NULL, 
	retention_days BIGINT NOT NULL, 
	started_at_ms BIGINT NOT NULL, 
	ended_at_ms BIGINT, 
	bytes BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	dropped BIGINT NOT NULL, 
	retain_until_ms BIGINT, 
	purged_at_ms BIGINT, 
	CONSTRAINT pk_recordings PRIMARY KEY (recording_id), 
	CONSTRAINT fk_recordings_visit_id FOREIGN KEY(visit_id) REFERENCES visits (visit_id), 
	CONSTRAINT uq_recordings_visit_id_part UNIQUE (visit_id, part)
);
INSERT INTO "recordings" VALUES('r-1','node1','north','v-recorded',1,'2026/01/05/r-1.kbr','north-2026','5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f',90,1767627205000,1767627250000,123456,'abababababababababababababababababababababababababababababababab','complete',0,1775403250000,NULL);
INSERT INTO "recordings" VALUES('r-2','node1','north','v-talking',1,'2026/01/05/r-2.kbr','north-2026','5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f',90,1767629205000,NULL,0,'','open',0,NULL,NULL);
CREATE TABLE visits (
	visit_id VARCHAR(200) NOT NULL, 
	node VARCHAR(32) NOT NULL, 
	facility TEXT NOT NULL, 
	timezone TEXT NOT NULL, 
	station TEXT NOT NULL, 
	dialled TEXT NOT NULL, 
	contact TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	tariff_id TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	medium VARCHAR(8) NOT NULL, 
	max_seconds BIGINT NOT NULL, 
	trunk TEXT NOT NULL, 
	sip_call_id TEXT NOT NULL, 
	setup_at_ms BIGINT NOT NULL, 
	privileged BOOLEAN NOT NULL, 
	tariff_json TEXT NOT NULL, 
	granted_s BIGINT NOT NULL, 
	refusal VARCHAR(32) NOT NULL, 
	refusal_message TEXT NOT NULL, 
	alive_at_ms BIGINT, 
	ring_at_ms BIGINT, 
	answer_at_ms BIGINT, 
	media_start_at_ms BIGINT, 
	billable_s BIGINT NOT NULL, 
	unusable_s BIGINT NOT NULL, 
	cdr_id VARCHAR(200), 
	balance_after_micros BIGINT, 
	CONSTRAINT pk_visits PRIMARY KEY (visit_id)
);
INSERT INTO "visits" VALUES('v-video','node1','north','America/Chicago','3101','5552368001','family-1','family-1','demo-video','family','video',1200,'pbx','v-video@pbx',1767625200000,0,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',1200,'','',1767625330000,1767625201000,1767625204000,1767625205000,125,0,'cdr:v-video',27166667);
INSERT INTO "visits" VALUES('v-nobody','node1','north','America/Chicago','3101','5550000000','','','','','video',1200,'pbx','v-nobody@pbx',1767625340000,0,'',0,'','',NULL,NULL,NULL,NULL,0,0,'cdr:v-nobody',NULL);
INSERT INTO "visits" VALUES('v-poor','node1','north','America/Chicago','3101','5552368001','family-2','family-2','demo-video','family','video',1200,'pbx','v-poor@pbx',1767625350000,0,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',0,'balance','account family-2 cannot pay one second of demo-video',NULL,NULL,NULL,NULL,0,0,'cdr:v-poor',1000);
INSERT INTO "visits" VALUES('v-closed','node1','north','America/Chicago','3101','5552368001','moved-away','moved-away','demo-video','family','video',1200,'pbx','v-closed@pbx',1767625360000,0,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',0,'account_closed','account moved-away is closed',NULL,NULL,NULL,NULL,0,0,'cdr:v-closed',3000000);
INSERT INTO "visits" VALUES('v-missed','node1','north','America/Chicago','3101','5552368001','family-1','family-1','demo-video','family','video',1200,'pbx','v-missed@pbx',1767625400000,0,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',1200,'','',NULL,NULL,NULL,NULL,0,0,'cdr:v-missed',27166667);
INSERT INTO "visits" VALUES('v-facility','node1','north','America/Chicago','3101','5552368001','family-1','north-office','first-minute-audio','family','audio',1200,'pbx','v-facility@pbx',1767625500000,0,'{"id": "first-minute-audio", "version": 1, "currency": "USD", "medium": "audio", "per_minute": "0.12", "connection_fee": "0.05", "increment_s": 6, "minimum_s": 60, "rounding": {"mode": "half_even", "to": "0.01"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": "2026-04-06T00:00:00+00:00"}',1200,'','',1767626106000,1767625501000,1767625504000,1767625505000,601,0,'cdr:v-facility',-1260000);
INSERT INTO "visits" VALUES('v-privileged','node1','north','America/Chicago','3101','5552368001','=HYPERLINK("http://x", "Meier & Söhne")','family-1','demo-video','family','video',1200,'pbx-2','v-privileged@pbx',1767626200000,1,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',1200,'','',1767626266000,1767626201000,1767626204000,1767626205000,61,0,'cdr:v-privileged',27004001);
INSERT INTO "visits" VALUES('v-flat','node1','north','America/Chicago','3101','5552368001','family-1','family-1','flat-video','family','video',1200,'pbx','v-flat@pbx',1767626700000,0,'{"id": "flat-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.00", "connection_fee": "2.50", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "half_up", "to": "0.01"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',1200,'','',1767626712000,1767626701000,1767626704000,1767626705000,7,0,'cdr:v-flat',24504001);
INSERT INTO "visits" VALUES('v-recorded','node1','north','America/Chicago','3101','5552368001','family-1','family-1','demo-video','family','video',1200,'pbx','v-recorded@pbx',1767627200000,0,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',1200,'','',1767627250000,1767627201000,1767627204000,1767627205000,45,0,'cdr:v-recorded',24384001);
INSERT INTO "visits" VALUES('v-two','node2','south','America/Chicago','3101','5552368001','family-1','family-1','demo-video','family','video',1200,'pbx','v-two@pbx',1767628200000,0,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',1200,'','',1767628235000,1767628201000,1767628204000,1767628205000,30,0,'cdr:v-two',24304001);
INSERT INTO "visits" VALUES('v-talking','node1','north','America/Chicago','3101','5552368001','family-1','family-1','demo-video','family','video',1200,'pbx','v-talking@pbx',1767629200000,0,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',1200,'','',1767629245000,1767629201000,1767629204000,1767629205000,40,0,NULL,NULL);
INSERT INTO "visits" VALUES('v-ringing','node1','north','America/Chicago','3101','5552368001','family-1','family-1','demo-video','family','video',300,'pbx','v-ringing@pbx',1767629220000,0,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',300,'','',NULL,NULL,NULL,NULL,0,0,NULL,NULL);
INSERT INTO "visits" VALUES('v-asked','node1','north','America/Chicago','3101','5552368001','family-1','','','family','video',1200,'pbx','v-asked@pbx',1767629230000,0,'',0,'','',NULL,NULL,NULL,NULL,0,0,NULL,NULL);
INSERT INTO "visits" VALUES('v-elsewhere','node2','south','America/Chicago','3101','5552368001','family-1','family-1','demo-video','family','video',600,'pbx','v-elsewhere@pbx',1767629240000,0,'{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", "connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, "valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}',600,'','',1767629265000,1767629241000,1767629244000,1767629245000,20,0,NULL,NULL);
CREATE TABLE watchings (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	watching_id VARCHAR(200) NOT NULL, 
	act VARCHAR(8) NOT NULL, 
	node VARCHAR(32) NOT NULL, 
	facility TEXT NOT NULL, 
	visit_id VARCHAR(200) NOT NULL, 
	officer TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	reason VARCHAR(32) NOT NULL, 
	CONSTRAINT fk_watchings_visit_id FOREIGN KEY(visit_id) REFERENCES visits (visit_id), 
	CONSTRAINT uq_watchings_watching_id_act UNIQUE (watching_id, act)
);
INSERT INTO "watchings" VALUES(1,'w-1','began','node1','north','v-recorded','j.doe',1767627210000,'');
INSERT INTO "watchings" VALUES(2,'w-1','ended','node1','north','v-recorded','j.doe',1767627220000,'officer_left');
INSERT INTO "watchings" VALUES(3,'w-2','began','node1','north','v-talking','j.doe',1767629210000,'');
CREATE INDEX ix_entries_account_id_entry_id ON entries (account_id, entry_id);
CREATE INDEX ix_entries_movement_id ON entries (movement_id);
CREATE INDEX ix_visits_open ON visits (node) WHERE cdr_id IS NULL;
CREATE INDEX ix_holds_account_id ON holds (account_id);
CREATE INDEX ix_cdrs_account_id ON cdrs (account_id);
CREATE INDEX ix_cdrs_end_at_ms ON cdrs (end_at_ms);
CREATE INDEX ix_cdrs_facility ON cdrs (facility);
CREATE UNIQUE INDEX uq_cdrs_visit_id_first ON cdrs (visit_id) WHERE corrects IS NULL;
CREATE TRIGGER cdrs_no_update BEFORE UPDATE ON cdrs BEGIN SELECT RAISE(ABORT, 'cdrs is append-only'); END;
CREATE TRIGGER cdrs_no_delete BEFORE DELETE ON cdrs BEGIN SELECT RAISE(ABORT, 'cdrs is append-only'); END;
CREATE TRIGGER cdrs_no_replace BEFORE INSERT ON cdrs WHEN EXISTS (SELECT 1 FROM cdrs WHERE cdr_id = NEW.cdr_id OR (node = NEW.node AND sequence = NEW.sequence) OR (visit_id = NEW.visit_id AND corrects IS NULL AND NEW.corrects IS NULL)) BEGIN SELECT RAISE(ABORT, 'cdrs is append-only'); END;
CREATE TRIGGER movements_no_update BEFORE UPDATE ON movements BEGIN SELECT RAISE(ABORT, 'movements is append-only'); END;
CREATE TRIGGER movements_no_delete BEFORE DELETE ON movements BEGIN SELECT RAISE(ABORT, 'movements is append-only'); END;
CREATE TRIGGER movements_no_replace BEFORE INSERT ON movements WHEN EXISTS (SELECT 1 FROM movements WHERE movement_id = NEW.movement_id) BEGIN SELECT RAISE(ABORT, 'movements is append-only'); END;
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries is append-only'); END;
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries is append-only'); END;
CREATE TRIGGER entries_no_replace BEFORE INSERT ON entries WHEN EXISTS (SELECT 1 FROM entries WHERE entry_id = NEW.entry_id) BEGIN SELECT RAISE(ABORT, 'entries is append-only'); END;
CREATE INDEX ix_recordings_facility ON recordings (facility, started_at_ms);
CREATE INDEX ix_recordings_open ON recordings (node) WHERE ended_at_ms IS NULL;
CREATE INDEX ix_accesses_subject ON accesses (subject);
CREATE TRIGGER accesses_no_update BEFORE UPDATE ON accesses BEGIN SELECT RAISE(ABORT, 'accesses is append-only'); END;
CREATE TRIGGER accesses_no_delete BEFORE DELETE ON accesses BEGIN SELECT RAISE(ABORT, 'accesses is append-only'); END;
CREATE TRIGGER accesses_no_replace BEFORE INSERT ON accesses WHEN EXISTS (SELECT 1 FROM accesses WHERE access_id = NEW.access_id) BEGIN SELECT RAISE(ABORT, 'accesses is append-only'); END;
CREATE INDEX ix_watchings_visit_id ON watchings (visit_id);
CREATE INDEX ix_watchings_officer ON watchings (officer);
CREATE TRIGGER watchings_no_update BEFORE UPDATE ON watchings BEGIN SELECT RAISE(ABORT, 'watchings is append-only'); END;
CREATE TRIGGER watchings_no_delete BEFORE DELETE ON watchings BEGIN SELECT RAISE(ABORT, 'watchings is append-only'); END;
CREATE TRIGGER watchings_no_replace BEFORE INSERT ON watchings WHEN EXISTS (SELECT 1 FROM watchings WHERE number = NEW.number OR (watching_id = NEW.watching_id AND act = NEW.act)) BEGIN SELECT RAISE(ABORT, 'watchings is append-only'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('entries',20);
INSERT INTO "sqlite_sequence" VALUES('watchings',3);
INSERT INTO "sqlite_sequence" VALUES('accesses',1);
COMMIT;
